"""Which unjudged documents to judge next: those that leave differences most uncertain come
first.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.ir.unjudged_bounds import worth
from hone.layout import PAIR
from hone.seeds import unit_hashes

DIGITS = 12  # of a weight; floating-point sums in another order do not change it


def unjudged(runs: list[pl.DataFrame], qrels: pl.DataFrame, min_relevance: int = 1) -> pl.DataFrame:
    """Unjudged documents of judged queries, with the uncertainty that each causes.

    A document's weight is the width that it adds to the bounds (`hone.ir.unjudged_bounds.bounds`)
    of all pairs of rankings. The unit is rank-biased precision of its query. The width is the sum
    of its weight differences over all pairs of rankings. With one ranking, the weight is its part
    of the residual.

    Args:
        runs: rankings: query_id, doc_id, rank from 1.
        qrels: query_id, doc_id, relevance. Queries without labels are excluded.
        min_relevance: the lowest relevance grade of a relevant document.

    Returns:
        query_id, doc_id, weight (0: all rankings have it at the same rank), rank (its best rank).
    """
    rows = pl.concat([worth(run, qrels, min_relevance) for run in runs]).filter(
        pl.col("gain").is_null()
    )
    # The sum over pairs of |a - b| is that of (n + 1 - 2 place) times each value, the largest
    # first. A missing document counts 0.
    sizes = pl.col("weight").sort(descending=True)
    factor = len(runs) + 1 - 2 * pl.int_range(1, pl.len() + 1) if len(runs) > 1 else 1
    return rows.group_by(PAIR).agg(
        weight=(sizes * factor).sum().round(DIGITS), rank=pl.col("rank").min()
    )


def heaviest_first(holes: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Unjudged documents in judging order: bounds narrow fastest in this order, whatever the
    verdicts.

    Args:
        holes: from `unjudged`.
        seed: breaks ties of weight and rank at random.
    """
    keys = (holes["query_id"] + "\t" + holes["doc_id"]).to_list()
    lot = pl.Series("lot", unit_hashes(keys, seed) if keys else np.empty(0), dtype=pl.Float64)
    return (
        holes.with_columns(lot)
        .sort("weight", "rank", "lot", descending=[True, False, False])
        .drop("lot")
    )
