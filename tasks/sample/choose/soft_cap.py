"""soft-cap: the nearest candidates, with a penalty for documents that are chosen for many queries
(hubs) [Hone default].

A few documents are near to everything. Training on them repeatedly teaches the model to avoid them,
not to rank.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from hone.data.query_groups import Segments
from tasks.sample.choose.simans import EQUAL
from tasks.sample.relative_scores import compared


def soft_cap(
    pool: pl.DataFrame,
    positives: pl.DataFrame,
    scores: pl.DataFrame,
    *,
    penalty: Annotated[float, Field(ge=0)] = 0.3,
    passes: Annotated[int, Field(ge=1, le=100)] = 3,
    scorer: str | None = None,
    n: Annotated[int, Field(ge=1)] = 4,
) -> pl.DataFrame:
    """The `n` candidates of every query with the highest

        s / sd - penalty * log(1 + c)

    s is the candidate's score, sd the standard deviation of the query's candidate scores, and c the
    number of *other* queries with the document among their first n. The first pass counts c among
    the n highest scores. Later passes use the mean over the choices of all passes so far
    (fictitious play, Brown 1951). A hub that all queries drop at once is thus chosen again by the
    queries that it fits. The rule is deterministic. Documents chosen by a single query are never
    penalized.

    This is a Hone rule without a known paper. Dividing by sd gives the penalty the same meaning for
    cosines, dot products and logits. With 0.3, a document that 100 other queries choose must be 1.4
    sd better than one that no other query chooses. Candidates without a score come last, by rank.

    Args:
        pool: query_id, doc_id and more, each query's candidates in order.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score.
        penalty: in standard deviations. 0: the highest scores. [Hone default]
        passes: number of counting passes. [Hone default]
        scorer: the scorer. Null: the first dense source, or the round's starting model. [Hone
            default]
        n: negatives per query. [Hone default]

    Returns:
        The chosen rows of the pool, the highest first.
    """
    segments = Segments.of(pool)
    query_scores = compared(pool, positives, scores, scorer, "soft-cap")["by"].to_numpy()
    unit = segments.deviation(query_scores)
    merit = (query_scores / segments.spread(np.where(unit > EQUAL, unit, 1))).astype(np.float32)
    document = pool["doc_id"].cast(pl.Categorical(pl.Categories.random())).to_physical().to_numpy()
    own = np.zeros(
        len(pool), dtype=np.float32
    )  # fraction of the passes so far in which a query chose a row
    rows = segments.ordered(-merit, n)
    for done in range(passes):
        own *= done / (done + 1)
        own[rows] += 1 / (done + 1)
        everywhere = np.bincount(document, weights=own).astype(np.float32)
        others = np.maximum(everywhere[document] - own, 0)
        rows = segments.ordered(penalty * np.log1p(others) - merit, n)
    return pool[rows]
