"""The two kinds of labels that are `unknown`: a masked pair is no negative in any batch, a dropped pair only not of its own query.

A judge found a dropped pair relevant and nobody has shown how often it is right. The pair is never mined again for its query, but its
document stays what any other document is where another query brings it into the batch.
"""

from __future__ import annotations

import polars as pl

DROPPED = "dropped"  # the `reason` of the label


def is_dropped() -> pl.Expr:
    """Whether a label is that of a dropped pair."""
    return (pl.col("label").cast(pl.String) == "unknown") & (pl.col("reason") == DROPPED).fill_null(False)


def is_masked() -> pl.Expr:
    """Whether a label is that of a pair which no batch may compare."""
    return (pl.col("label").cast(pl.String) == "unknown") & ~is_dropped()
