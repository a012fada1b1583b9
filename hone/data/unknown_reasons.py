"""Reasons for a missing verdict: a kind, and details after a colon."""

from __future__ import annotations

import polars as pl

# About the endpoint, not about the call.
ITS_FAULT = ("timed out", "unreachable", "broken", "another model")
# The endpoint did not read the whole prompt.
CUT = "cut"
# An earlier judge found the pair, but the confirming judge has not read it.
UNCONFIRMED = "unconfirmed"
# May change in a later round: endpoint errors, aborted work and postponed pairs.
PASSING = (*ITS_FAULT, CUT, "stopped", "over budget", UNCONFIRMED)
TAKEN_OVER = "taken over"  # another process queries the judge about this pair now
# Stored as results all the same: the same call would end in the same way.
ANSWERED = ("refused", "too long")


def kind(fault: str) -> str:
    return fault.partition(":")[0].strip()


def kinds(reasons: str = "reason") -> pl.Expr:
    """The kind of every reason of a column."""
    return pl.col(reasons).str.split(":").list.first().str.strip_chars()
