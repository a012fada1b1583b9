"""Verdicts: one row per judged pair, with the same columns for every judge."""

from __future__ import annotations

import polars as pl

from hone.data import tables
from hone.layout import PAIR

# The table `judgments` without what the cascade adds: the judge's place in it and its name.
COLUMNS = {
    name: kind
    for name, kind in tables.SCHEMAS["judgments"].items()
    if name not in ("place", "judge")
}


def verdicts(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` (query_id, doc_id, verdict and other columns) with all columns of a verdict;
    missing ones are null.
    """
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in COLUMNS.items()
    )


def empty() -> pl.DataFrame:
    return pl.DataFrame(schema=COLUMNS)


def unknown(pairs: pl.DataFrame, reason: str, fingerprint: str | None = None) -> pl.DataFrame:
    """Unknown verdicts on pairs, with the reason."""
    return verdicts(
        pairs.select(
            *PAIR,
            verdict=pl.lit("unknown"),
            reason=pl.lit(reason),
            fingerprint=pl.lit(fingerprint, dtype=pl.String),
        )
    )


def by_grade(graded: pl.DataFrame) -> pl.DataFrame:
    """`graded` with a `verdict`: positive if the grade is at least the threshold.

    Args:
        graded: with grade, bound (the threshold) and reason: why the verdict is unknown; null
            otherwise.
    """
    verdict = (
        pl.when(pl.col("grade") >= pl.col("bound"))
        .then(pl.lit("positive"))
        .otherwise(pl.lit("negative"))
    )
    silent = pl.col("reason").is_not_null()
    return graded.with_columns(
        verdict=pl.when(silent).then(pl.lit("unknown")).otherwise(verdict),
    )
