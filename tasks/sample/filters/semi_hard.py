"""semi-hard: keeps only candidates in a band just below the labelled positive (FaceNet, arXiv
1503.03832; more reliable than the hardest ones according to the study of inter-image invariance,
arXiv 2008.11702).
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.errors import Refused
from hone.layout import PAIR
from tasks.sample.relative_scores import compared, rounded


def refuse_unfit(parameters: dict) -> None:
    """Raise Refused if the band is empty."""
    if parameters["gap"] >= parameters["margin"]:
        raise Refused(
            f"semi-hard: the band is empty: it ends {parameters['margin']} below the positive but "
            f"begins {parameters['gap']} below "
            "it. Raise `margin` above `gap`."
        )


def semi_hard(
    pool: pl.DataFrame,
    positives: pl.DataFrame,
    scores: pl.DataFrame,
    *,
    margin: Annotated[float, Field(gt=0)] = 0.1,
    gap: Annotated[float, Field(ge=0)] = 0.0,
    scorer: str | None = None,
) -> pl.DataFrame:
    """Pairs outside s+ - margin < s < s+ - gap, with s+ the score of the lowest-scored labelled
    positive.

    FaceNet uses d(a, p) < d(a, n) < d(a, p) + alpha for squared distances of unit vectors, with
    alpha = 0.2. The squared distance is 2 - 2 cos, so alpha is 0.1 in cosine. FaceNet searches
    inside a batch at every step, and this filter once among the candidates of a round. The study
    selects semi-hard negatives by rank, which corresponds to a `window` of the recipe.

    Args:
        pool: query_id, doc_id.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score.
        margin: distance of the band's end below the positive, in the scorer's space. 0.1 in cosine
            is FaceNet's 0.2. [survey]
        gap: distance of the band's start below the positive. 0 in FaceNet. [survey]
        scorer: the scorer. Null: the first dense source, or the round's starting model. [Hone
            default]

    Returns:
        query_id, doc_id, detail.

    Raises:
        Refused: the scorer has no scores, or the band is empty.
    """
    refuse_unfit({"margin": margin, "gap": gap})
    if pool.is_empty():
        return pool.select(*PAIR, detail=pl.lit(""))
    inside = (pl.col("by") > pl.col("from")) & (pl.col("by") < pl.col("below"))
    return (
        compared(pool, positives, scores, scorer, "semi-hard")
        .with_columns(**{"from": pl.col("reference") - margin, "below": pl.col("reference") - gap})
        .filter(~inside.fill_null(False))
        .select(
            *PAIR,
            detail=pl.format(
                "scores {}, outside the band {} to {}",
                rounded("by"),
                rounded("from"),
                rounded("below"),
            ),
        )
    )
