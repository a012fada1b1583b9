"""cross-encoder: only candidates that a cross-encoder is sure are irrelevant (RocketQA's denoised negatives, arXiv 2010.08191)."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.errors import Refused, listed
from hone.layout import PAIR
from tasks.sample.relative_scores import given_to, of_scorer, rounded


def refuse_unfit(parameters: dict) -> None:
    """Raises Refused where a pair would be surely irrelevant and surely relevant."""
    if parameters["negative"] > parameters["positive"]:
        raise Refused(f"cross-encoder: `negative` ({parameters['negative']}) lies above `positive` ({parameters['positive']}).")


def cross_encoder(
    pool: pl.DataFrame,
    scores: pl.DataFrame,
    *,
    scorer: str = "cross-encoder",
    negative: Annotated[float, Field(ge=0, le=1)] = 0.1,
    positive: Annotated[float, Field(ge=0, le=1)] = 0.9,
) -> pl.DataFrame:
    """Pairs whose probability of relevance is not below `negative`; the detail names those above `positive` as suspected answers.

    RocketQA makes positives of unlabelled passages above `positive`. Here they only leave: to promote one is a judge's
    business (the section `relabel`). One that has no score goes.

    Args:
        pool: query_id, doc_id.
        scores: query_id, doc_id, scorer, score: probabilities, that is after a sigmoid.
        scorer: whose; the cross-encoder that the loop trains, or `cross-encoder:NAME`. [Hone default]
        negative: a candidate stays below it. .1 is the paper's. [authors' code]
        positive: .9 is the paper's; it changes the detail alone. [authors' code]

    Returns:
        query_id, doc_id, detail.

    Raises:
        Refused: the scorer scored nothing, or its scores are no probabilities.
    """
    refuse_unfit({"negative": negative, "positive": positive})
    if pool.is_empty():
        return pool.select(*PAIR, detail=pl.lit(""))
    scored = pool.select(*PAIR, by=given_to(pool, of_scorer(scores, scorer, "cross-encoder")))
    outside = scored.filter(~pl.col("by").is_between(0, 1))
    if len(outside):
        query, document, score = outside.row(0)
        raise Refused(
            f"cross-encoder: its bounds are probabilities, and '{scorer}' scores {score:g} for query '{query}' and document '{document}' "
            f"({len(outside):,} of {len(scored):,} candidates lie outside 0 to 1: {listed(outside['by'].round(3).to_list(), 3)}). "
            "Name a scorer that gives probabilities."
        )
    suspected = pl.when(pl.col("by") > positive).then(pl.lit(": a suspected answer")).otherwise(pl.lit(""))
    return scored.filter(~(pl.col("by") < negative).fill_null(False)).select(
        *PAIR, detail=pl.format("scores {}, the bound is {}{}", rounded("by"), pl.lit(negative), suspected)
    )
