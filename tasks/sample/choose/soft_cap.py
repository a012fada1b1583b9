"""soft-cap: the nearest candidates, with a penalty for documents that are chosen for many queries (hubs; ours).

A few documents are near to everything, and training on them again and again teaches to avoid them, not to rank.
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

    s is the candidate's score, sd the standard deviation of the query's candidate scores, c for how many *other* queries the
    document is among the first n. In the first pass c is counted of the n that score highest, in a later one as the mean over
    the choices of all passes so far, so that a hub which everybody drops at once comes back where it belongs (fictitious play,
    Brown 1951). Nothing is drawn: the same pool gives the same choice. What one query alone would choose is never penalised.

    Ours: we know of no paper with this rule. Dividing by sd makes the penalty mean the same for cosines, dot products and
    logits; with .3 a document that 100 other queries choose must be 1.4 sd better than one that nobody else does.
    A candidate without a score comes last, by rank.

    Args:
        pool: query_id, doc_id and more, each query's candidates in order.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score.
        penalty: in standard deviations; .3; 0: the highest scores. [Hone default]
        passes: how often choices are counted; 3. [Hone default]
        scorer: whose scores; null: the first dense source, or the round's starting model. [Hone default]
        n: negatives a query. [Hone default]

    Returns:
        The rows of the pool that are chosen, the highest first.
    """
    segments = Segments.of(pool)
    told = compared(pool, positives, scores, scorer, "soft-cap")["by"].to_numpy()
    unit = segments.deviation(told)
    merit = (told / segments.spread(np.where(unit > EQUAL, unit, 1))).astype(np.float32)
    document = pool["doc_id"].cast(pl.Categorical(pl.Categories.random())).to_physical().to_numpy()
    own = np.zeros(len(pool), dtype=np.float32)  # in what share of the passes so far a query chose a row
    rows = segments.ordered(-merit, n)
    for done in range(passes):
        own *= done / (done + 1)
        own[rows] += 1 / (done + 1)
        everywhere = np.bincount(document, weights=own).astype(np.float32)
        others = np.maximum(everywhere[document] - own, 0)
        rows = segments.ordered(penalty * np.log1p(others) - merit, n)
    return pool[rows]
