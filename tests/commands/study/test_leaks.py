"""Leakage of a study's collections, from the counts in a trial's file."""

from __future__ import annotations

import polars as pl

from commands.study.leaks import leaks_of
from commands.study.trial_results import TrialResult

ACCOUNT = {
    "looked_at": {
        side: {"asked": 4, "query": 3, "positive": 3} for side in ("comparable", "compared")
    }
}


def part(queries: int, leaked: int) -> dict:
    return {
        "queries": queries,
        "compared": queries,
        "leaked": leaked,
        "share": leaked / queries if queries else None,
    }


def trial() -> TrialResult:
    """`ours` leaks one of four test queries, `theirs` nothing."""
    leakage = {
        name: ACCOUNT | {"collection": name, "splits": {"test": part(4, leaked), "dev": part(0, 0)}}
        for name, leaked in (("ours", 1), ("theirs", 0))
    }
    return TrialResult(pl.DataFrame(), {"leakage": leakage})


def test_what_leaks_is_told_and_what_does_not_is_not():
    [said] = leaks_of(trial(), ["ours", "theirs"])
    assert said == (
        "Leakage on ours: training data contains 1 of 4 test queries (25.0 %), verbatim or "
        "nearly. Its score partly reflects memorization."
    )
