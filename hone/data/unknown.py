"""The two kinds of labels that are `unknown`. Neither is mined for its query again, nor compared with it in any batch.

A judge found a dropped pair relevant and nobody has shown how often it is right; a masked pair is one that nobody could decide. For other
queries the document stays what any other document is, in every batch.
"""

from __future__ import annotations

import polars as pl

DROPPED = "dropped"  # the `reason` of the label


def is_dropped() -> pl.Expr:
    """Whether a label is that of a dropped pair."""
    return (pl.col("label").cast(pl.String) == "unknown") & (pl.col("reason") == DROPPED).fill_null(False)


def is_masked() -> pl.Expr:
    """Whether a label is that of a pair that is unknown for another reason."""
    return (pl.col("label").cast(pl.String) == "unknown") & ~is_dropped()
