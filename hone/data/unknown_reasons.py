"""Why a judge has no answer, in words: a kind, and after a colon the details."""

from __future__ import annotations

import polars as pl

# Say something of the endpoint, and not of the call.
ITS_FAULT = ("timed out", "unreachable", "broken", "another model")
# The endpoint has not read the prompt to its end.
CUT = "cut"
# An earlier judge found the pair, and the judge that confirms has not read it.
UNCONFIRMED = "unconfirmed"
# May be otherwise in a later round: the endpoint's faults, what ended the work, and what was left for later.
PASSING = (*ITS_FAULT, CUT, "stopped", "over budget", UNCONFIRMED)
TAKEN_OVER = "taken over"  # another process asks this now
# An answer all the same: the same call would end in the same way, so they are kept.
ANSWERED = ("refused", "too long")


def kind(fault: str) -> str:
    return fault.partition(":")[0].strip()


def kinds(reasons: str = "reason") -> pl.Expr:
    """The kind of every reason of a column."""
    return pl.col(reasons).str.split(":").list.first().str.strip_chars()
