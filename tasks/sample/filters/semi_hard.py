"""semi-hard: only candidates in the band just below the known positive (FaceNet, arXiv 1503.03832; found more reliable than the
hardest by the study of inter-image invariance, arXiv 2008.11702)."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.errors import Refused
from hone.layout import PAIR
from tasks.sample.relative_scores import compared, rounded


def refuse_unfit(parameters: dict) -> None:
    """Raises Refused where nothing fits into the band."""
    if parameters["gap"] >= parameters["margin"]:
        raise Refused(f"semi-hard: the band ends {parameters['margin']} below the positive and begins {parameters['gap']} below it: empty.")


def semi_hard(
    pool: pl.DataFrame,
    positives: pl.DataFrame,
    scores: pl.DataFrame,
    *,
    margin: Annotated[float, Field(gt=0)] = 0.1,
    gap: Annotated[float, Field(ge=0)] = 0.0,
    scorer: str | None = None,
) -> pl.DataFrame:
    """Pairs for which not s+ - margin < s < s+ - gap, with s+ the score of the lowest-scored known positive.

    FaceNet takes d(a, p) < d(a, n) < d(a, p) + alpha of squared distances between unit vectors, alpha .2. There the squared
    distance is 2 - 2 cos, so that its alpha is .1 of cosine. FaceNet looks inside a batch at every step; here the candidates
    of a round are looked at once. That study takes its semi-hard negatives by rank, which is a `window` of the recipe's.

    Args:
        pool: query_id, doc_id.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score.
        margin: how far below the positive the band ends, in the scorer's space. .1 is FaceNet's .2, in cosine. [survey]
        gap: how far below the positive it begins; 0 is FaceNet's. [survey]
        scorer: whose scores; null: the first dense source, or the round's starting model. [Hone default]

    Returns:
        query_id, doc_id, detail.

    Raises:
        Refused: the scorer scored nothing, or the band is empty.
    """
    refuse_unfit({"margin": margin, "gap": gap})
    if pool.is_empty():
        return pool.select(*PAIR, detail=pl.lit(""))
    inside = (pl.col("by") > pl.col("from")) & (pl.col("by") < pl.col("below"))
    return (
        compared(pool, positives, scores, scorer, "semi-hard")
        .with_columns(**{"from": pl.col("reference") - margin, "below": pl.col("reference") - gap})
        .filter(~inside.fill_null(False))
        .select(*PAIR, detail=pl.format("scores {}, the band is {} to {}", rounded("by"), rounded("from"), rounded("below")))
    )
