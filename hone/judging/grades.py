"""Verdicts of a judge that only grades: a bound makes them."""

from __future__ import annotations

import polars as pl


def by_grade(graded: pl.DataFrame) -> pl.DataFrame:
    """`graded` with a `verdict`: positive from the bound on.

    Args:
        graded: with grade, bound, and reason: why nothing can be said, null where something can.
    """
    said = pl.when(pl.col("grade") >= pl.col("bound")).then(pl.lit("positive")).otherwise(pl.lit("negative"))
    silent = pl.col("reason").is_not_null()
    return graded.with_columns(
        verdict=pl.when(silent).then(pl.lit("unknown")).otherwise(said),
    )
