"""cross-encoder: keeps only candidates that a cross-encoder confidently scores as irrelevant
(RocketQA's denoising, arXiv 2010.08191).
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.errors import Refused, listed
from hone.layout import PAIR
from tasks.sample.relative_scores import given_to, of_scorer, rounded


def refuse_unfit(parameters: dict) -> None:
    """Raise Refused if `negative` is above `positive`."""
    if parameters["negative"] > parameters["positive"]:
        raise Refused(
            f"cross-encoder: `negative` ({parameters['negative']}) is above `positive` "
            f"({parameters['positive']}). Lower it."
        )


def cross_encoder(
    pool: pl.DataFrame,
    scores: pl.DataFrame,
    *,
    scorer: str = "cross-encoder",
    negative: Annotated[float, Field(ge=0, le=1)] = 0.1,
    positive: Annotated[float, Field(ge=0, le=1)] = 0.9,
) -> pl.DataFrame:
    """Pairs whose probability of relevance is not below `negative`. The detail marks those above
    `positive` as suspected false negatives.

    RocketQA uses unlabelled passages above `positive` as positives. Here they are only removed,
    because only judges promote (section `relabel`). Pairs without a score are removed.

    Args:
        pool: query_id, doc_id.
        scores: query_id, doc_id, scorer, score: probabilities, after a sigmoid.
        scorer: the in-loop cross-encoder, or `cross-encoder:NAME`. [Hone default]
        negative: candidates below this score are kept. 0.1 in RocketQA. [authors' code]
        positive: 0.9 in RocketQA. It only affects the detail. [authors' code]

    Returns:
        query_id, doc_id, detail.

    Raises:
        Refused: the scorer has no scores, or they are not probabilities.
    """
    refuse_unfit({"negative": negative, "positive": positive})
    if pool.is_empty():
        return pool.select(*PAIR, detail=pl.lit(""))
    scored = pool.select(*PAIR, by=given_to(pool, of_scorer(scores, scorer, "cross-encoder")))
    outside = scored.filter(~pl.col("by").is_between(0, 1))
    if len(outside):
        query, document, score = outside.row(0)
        raise Refused(
            f"cross-encoder: thresholds are probabilities, but '{scorer}' scores {score:g} for "
            f"query '{query}' and document "
            f"'{document}' ({len(outside):,} of {len(scored):,} candidates are outside 0 to 1: "
            f"{listed(outside['by'].round(3).to_list(), 3)}). Name a scorer that returns "
            "probabilities."
        )
    suspected = (
        pl.when(pl.col("by") > positive)
        .then(pl.lit(": suspected false negative"))
        .otherwise(pl.lit(""))
    )
    return scored.filter(~(pl.col("by") < negative).fill_null(False)).select(
        *PAIR,
        detail=pl.format("scores {}, threshold {}{}", rounded("by"), pl.lit(negative), suspected),
    )
