"""top: the candidates with the best rank, or with the highest score (naive hard negatives, often
false at the first ranks).
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data.query_groups import Segments
from hone.layout import PAIR
from tasks.sample.relative_scores import given_to, of_scorer

NAMES_SCORERS = (
    "by",
)  # parameters that name a scorer of the recipe, in addition to those of score-based rules
ADDED_LATER = {"by": None}  # with this value the sampler works as before the parameter existed


def top(
    pool: pl.DataFrame,
    scores: pl.DataFrame,
    *,
    n: Annotated[int, Field(ge=1)] = 4,
    by: str | None = None,
) -> pl.DataFrame:
    """The first `n` candidates of every query, by rank or by a score.

    Args:
        pool: query_id, doc_id and more, each query's candidates in order.
        scores: query_id, doc_id, scorer, score.
        n: negatives per query. [Hone default]
        by: a scorer, whose highest scores come first. Ties are broken by rank, and candidates
            without a score come last. Null: by rank, a candidate's best rank among the sources that
            found it. [Hone default]

    Returns:
        The chosen rows of the pool, in order.

    Raises:
        Refused: no scorer has this name.
    """
    segments = Segments.of(pool)
    if by is None or pool.is_empty():
        return pool[segments.heads(n)]
    return pool[
        segments.ordered(-given_to(pool.select(PAIR), of_scorer(scores, by, "top")).to_numpy(), n)
    ]
