"""query-quality: removes queries whose best candidate scores too high, or whose labelled positive
scores too low.

A Hone rule. If an encoder scores an unlabelled document far above the labelled positive, the query
is more often mislabelled than hard. Its candidates are then likely false negatives. The whole query
is removed from the round and from all rounds that start from it.
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
    """Raise Refused if no threshold is set."""
    if all(parameters[name] is None for name in (*NEGATIVE, *POSITIVE)):
        raise Refused(
            "query-quality has no threshold. Set at least one of "
            f"{', '.join(f'`{name}`' for name in (*NEGATIVE, *POSITIVE))}."
        )


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
    """Queries whose best candidate exceeds the lowest of the first three thresholds, or whose
    positive is below one of the other two.

    With s+ the score of the lowest-scored labelled positive and s- that of the best remaining
    candidate: s- > s+ + abs(s+) (negative_share
    - 1), s- > s+ - negative_margin, s- > negative_absolute, s+ < s- - abs(s-) (1 - positive_share),
      s+ < positive_absolute. Queries without
    a scored positive or a scored candidate are kept.

    Args:
        pool: query_id, doc_id. Put this filter after those that remove labelled positives and their
            copies.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score. The thresholds are in the scorer's space.
        negative_share: relative to the positive's score. Values above 1 tolerate a best candidate
            that is better by this factor. [Hone default]
        negative_margin: distance below the positive. Negative values are above it. [Hone default]
        negative_absolute: maximum score of a candidate. [Hone default]
        positive_share: relative to the best candidate's score. [Hone default]
        positive_absolute: minimum score of the positive. [Hone default]
        scorer: the scorer. Null: the first dense source, or the round's starting model. [Hone
            default]

    Returns:
        query_id, doc_id (null: the query is removed), detail.

    Raises:
        Refused: the scorer has no scores, or no threshold is set.
    """
    given = {
        "negative_share": negative_share,
        "negative_margin": negative_margin,
        "negative_absolute": negative_absolute,
        "positive_share": positive_share,
        "positive_absolute": positive_absolute,
    }
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
        return pool.select(
            "query_id", pl.lit(None, dtype=pl.String).alias("doc_id"), detail=pl.lit("")
        )
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
            detail=pl.format(
                "{}: its best candidate scores {}, its positive {}",
                "why",
                rounded("best"),
                rounded("reference"),
            ),
        )
    )
