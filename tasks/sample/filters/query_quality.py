"""query-quality: no query whose best candidate is too good to be wrong, or whose known positive is too bad to be right.

Ours. A query that an encoder answers far better with an unlabelled document than with its label is mislabelled more often
than hard, and whichever of its candidates is taken for a negative is likely to be an answer. The whole query leaves the round,
and with it those that start from it.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.errors import Refused
from tasks.sample.relative_scores import compared, rounded

NEGATIVE = ("negative_share", "negative_margin", "negative_absolute")
POSITIVE = ("positive_share", "positive_absolute")


def refuse_unfit(parameters: dict) -> None:
    """Raises Refused where nothing bounds."""
    if all(parameters[name] is None for name in (*NEGATIVE, *POSITIVE)):
        raise Refused(f"query-quality has no bound: set {', '.join(f'`{name}`' for name in (*NEGATIVE, *POSITIVE))}, one or more.")


def query_quality(
    pool: pl.DataFrame,
    positives: pl.DataFrame,
    scores: pl.DataFrame,
    *,
    negative_share: Annotated[float, Field(gt=0)] | None = None,
    negative_margin: float | None = None,
    negative_absolute: float | None = None,
    positive_share: Annotated[float, Field(gt=0, le=1)] | None = None,
    positive_absolute: float | None = None,
    scorer: str | None = None,
) -> pl.DataFrame:
    """Queries whose best candidate scores above the first three bounds' lowest, or whose positive scores below one of the other two.

    With s+ the score of the lowest-scored known positive and s- that of the best candidate which earlier rules have left:
    s- > s+ + abs(s+) (negative_share - 1), s- > s+ - negative_margin, s- > negative_absolute,
    s+ < s- - abs(s-) (1 - positive_share), s+ < positive_absolute. A query without a scored positive, or without a scored
    candidate, cannot be told and stays.

    Args:
        pool: query_id, doc_id. Put the rule after those that take out known answers and their copies.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score; the bounds are in the scorer's space.
        negative_share: of the positive's score; above 1 the best candidate may be better than the positive by so much. [Hone default]
        negative_margin: below the positive; a negative number lies above it. [Hone default]
        negative_absolute: a score that no candidate may exceed. [Hone default]
        positive_share: of the best candidate's score. [Hone default]
        positive_absolute: a score that the positive must reach. [Hone default]
        scorer: whose scores; null: the first dense source, or the round's starting model. [Hone default]

    Returns:
        query_id, doc_id (null: the query leaves), detail.

    Raises:
        Refused: the scorer scored nothing, or nothing bounds.
    """
    given = {
        "negative_share": negative_share, "negative_margin": negative_margin, "negative_absolute": negative_absolute,
        "positive_share": positive_share, "positive_absolute": positive_absolute,
    }  # fmt: skip
    refuse_unfit(given)
    best, known = pl.col("best"), pl.col("reference")
    bounds = {
        "negative_share": lambda share: best > known + known.abs() * (share - 1),
        "negative_margin": lambda margin: best > known - margin,
        "negative_absolute": lambda absolute: best > absolute,
        "positive_share": lambda share: known < best - best.abs() * (1 - share),
        "positive_absolute": lambda absolute: known < absolute,
    }
    wrong = [
        pl.when(bounds[name](value)).then(pl.lit(f"{name.replace('_', ' ')} {value:g}"))
        for name, value in given.items()
        if value is not None
    ]
    if pool.is_empty():
        return pool.select("query_id", pl.lit(None, dtype=pl.String).alias("doc_id"), detail=pl.lit(""))
    return (
        compared(pool, positives, scores, scorer, "query-quality")
        .group_by("query_id", maintain_order=True)
        .agg(best=pl.col("by").max(), reference=pl.col("reference").first())
        .drop_nulls()
        .with_columns(why=pl.concat_str(wrong, separator=", ", ignore_nulls=True))
        .filter(pl.col("why") != "")
        .select(
            "query_id",
            doc_id=pl.lit(None, dtype=pl.String),
            detail=pl.format("{}: its best candidate scores {}, its positive {}", "why", rounded("best"), rounded("reference")),
        )
    )
