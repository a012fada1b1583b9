"""top: the candidates of best rank, or of highest score (naive hard negatives; the first of them are the ones most often false)."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data.query_groups import Segments
from hone.layout import PAIR
from tasks.sample.relative_scores import given_to, of_scorer

NAMES_SCORERS = ("by",)  # parameters that name a scorer of the recipe, beside those that rules about scores have
ADDED_LATER = {"by": None}  # at this value the rule chooses what it chose before it had the parameter


def top(pool: pl.DataFrame, scores: pl.DataFrame, *, n: Annotated[int, Field(ge=1)] = 4, by: str | None = None) -> pl.DataFrame:
    """The first `n` candidates of every query, by rank or by a score.

    Args:
        pool: query_id, doc_id and more, each query's candidates in order.
        scores: query_id, doc_id, scorer, score.
        n: negatives a query. [Hone default]
        by: a scorer, whose highest scores come first; equal scores by rank, and candidates without a score after all others. Null: by rank,
            a candidate's best among the sources that found it. [Hone default]

    Returns:
        The rows of the pool that are chosen, in their order.

    Raises:
        Refused: nobody of that name scored.
    """
    segments = Segments.of(pool)
    if by is None or pool.is_empty():
        return pool[segments.heads(n)]
    return pool[segments.ordered(-given_to(pool.select(PAIR), of_scorer(scores, by, "top")).to_numpy(), n)]
