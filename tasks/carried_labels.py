"""What a round knows from the one it starts from."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tasks import tables

# Why a judge could not say anything in that round, and may in the next: its endpoint's faults, and a limit of the stage.
PASSING = ("timed out", "unreachable", "broken", "another model", "stopped", "over budget")


def carried_labels(start: str) -> pl.DataFrame:
    """The labels of round `start`, without pairs that no judge could read only because something failed or was used up then.

    Such a pair is unknown in its own round. In a later one it is a candidate like any other, and is judged anew if it is mined.
    """
    labels = tables.read("labels", Path("rounds") / start / "labels.parquet")
    kind = pl.col("reason").str.split(":").list.first().str.strip_chars()
    passed = (pl.col("label") == "unknown") & pl.col("judge").is_not_null() & kind.is_in(PASSING)
    return labels.filter(~passed.fill_null(False))
