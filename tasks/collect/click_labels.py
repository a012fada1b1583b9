"""Labels, queries and traffic of a click log."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import polars as pl

from hone.clicks.click_rates import grade_bounds
from hone.data.source import QRELS, QUERIES, WEIGHTED
from tasks.collect.click_rows import Tallied

WeightBy = Literal["confidence", "equal"]
SOURCE = "clicks"


def grade_pairs(
    pairs: pl.DataFrame,
    grades: list[float],
    negative_below: float | None,
    min_clicks: int,
    min_impressions: int,
) -> pl.DataFrame:
    """The pairs with `relevance`: the number of thresholds that the lower bound reaches, 0 if the
    upper bound is below `negative_below`, else null (not labelled).

    Args:
        pairs: with impressions, clicks, low, high.
        grades: ascending thresholds.
        negative_below: null: no pair has grade 0.
        min_clicks: the least number of clicks of a positive.
        min_impressions: the least number of impressions of a label.
    """
    grade = pl.Series(grade_bounds(pairs["low"].to_numpy(), grades), dtype=pl.Int32)
    seen = pl.col("impressions") >= min_impressions
    positive = seen & (grade > 0) & (pl.col("clicks") >= min_clicks)
    negative = pl.lit(False)
    if negative_below is not None:
        negative = seen & (pl.col("high") < negative_below)
    return pairs.with_columns(
        relevance=pl.when(positive)
        .then(grade)
        .when(negative)
        .then(pl.lit(0, dtype=pl.Int32))
        .otherwise(None)
    )


def labels_of(
    pairs: pl.DataFrame, queries: pl.DataFrame, weights: WeightBy, file: Path
) -> pl.DataFrame:
    """The labelled pairs as labels with a weight.

    Args:
        pairs: with relevance, rate, low.
        queries: query_id, split.
        weights: `confidence`: the lower bound divided by the rate, for positives.
        file: the log, for messages.
    """
    labelled = pairs.filter(pl.col("relevance").is_not_null())
    certain = (pl.col("low") / pl.max_horizontal("rate", "low")).fill_nan(1.0)
    uses = (pl.col("relevance") > 0) & pl.lit(weights == "confidence")
    return (
        labelled.join(
            queries.select("query_id", "split"), on="query_id", how="inner", maintain_order="left"
        )
        .with_columns(
            source=pl.lit(SOURCE),
            weight=pl.when(uses).then(certain).otherwise(1.0),
            file=pl.lit(str(file)),
            row=pl.lit(None),
        )
        .select(pl.col(name).cast(kind) for name, kind in (QRELS | WEIGHTED).items())
    )


def queries_of(queries: pl.DataFrame, file: Path) -> pl.DataFrame:
    """The queries of a log as a table of a source."""
    placed = queries.with_columns(file=pl.lit(str(file)), row=pl.lit(None))
    return placed.select(pl.col(name).cast(kind) for name, kind in QUERIES.items())


def describe_labels(tallied: Tallied, pairs: pl.DataFrame) -> str:
    """The log in a sentence: rows, clicks, queries, and the labels of each grade."""
    labelled = pairs.filter(pl.col("relevance").is_not_null())
    grades = labelled["relevance"].value_counts().sort("relevance").rows()
    shown = ", ".join(f"grade {grade}: {number:,}" for grade, number in grades) or "none"
    impressions, clicks = (int(pairs[name].sum()) for name in ("impressions", "clicks"))
    sentence = (
        f"{impressions:,} impressions and {clicks:,} clicks of {len(tallied.queries):,} queries; "
        f"labels: {shown}; {labelled['query_id'].n_unique():,} queries have one"
    )
    if impressions and clicks == impressions:
        sentence += ". Every row is a click, so only their number counts, not a rate"
    return sentence
