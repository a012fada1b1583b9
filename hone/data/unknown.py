"""The two kinds of `unknown` labels. Neither is mined for its query again or compared with it in a
batch.

A judge found a dropped pair relevant, but its precision has not been measured. A masked pair could
not be decided. For other queries the document is an ordinary document in every batch.
"""

from __future__ import annotations

import polars as pl

DROPPED = "dropped"  # the `reason` of the label


def is_dropped() -> pl.Expr:
    """Whether a label belongs to a dropped pair."""
    return (pl.col("label").cast(pl.String) == "unknown") & (pl.col("reason") == DROPPED).fill_null(
        False
    )


def is_masked() -> pl.Expr:
    """Whether a label belongs to a pair that is unknown for another reason."""
    return (pl.col("label").cast(pl.String) == "unknown") & ~is_dropped()
