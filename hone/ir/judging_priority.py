"""Which unjudged documents leave a difference open, those first that leave it open most: what somebody should judge next."""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.ir.unjudged_bounds import worth
from hone.layout import PAIR
from hone.seeds import unit_hashes

DIGITS = 12  # of a weight: what sums of the same numbers in another order do not change


def unjudged(runs: list[pl.DataFrame], qrels: pl.DataFrame, min_relevance: int = 1) -> pl.DataFrame:
    """Documents of judged queries that nobody has judged, and how far each leaves differences open.

    A document's weight is what it adds to the width of the bounds (`hone.ir.unjudged_bounds.bounds`) of every two of the rankings
    together, in rank-biased precision of its query: the sum over all pairs of rankings of how far apart they rank it. With one
    ranking it is what it adds to the residual.

    Args:
        runs: rankings: query_id, doc_id, rank from 1.
        qrels: query_id, doc_id, relevance. Queries without any are left out.
        min_relevance: the grade from which on a document is right.

    Returns:
        query_id, doc_id, weight (0: all rankings have it at the same rank), rank (its best one).
    """
    rows = pl.concat([worth(run, qrels, min_relevance) for run in runs]).filter(pl.col("gain").is_null())
    # The sum over pairs of |a - b| is that of (n + 1 - 2 place) times each value, the largest first; who lacks it counts 0.
    sizes = pl.col("weight").sort(descending=True)
    factor = len(runs) + 1 - 2 * pl.int_range(1, pl.len() + 1) if len(runs) > 1 else 1
    return rows.group_by(PAIR).agg(weight=(sizes * factor).sum().round(DIGITS), rank=pl.col("rank").min())


def heaviest_first(holes: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Holes in the order in which they should be judged: in this order the bounds narrow fastest, whatever the judgments are.

    Args:
        holes: as `unjudged` gives them.
        seed: orders what weighs the same and stands at the same rank.
    """
    keys = (holes["query_id"] + "\t" + holes["doc_id"]).to_list()
    lot = pl.Series("lot", unit_hashes(keys, seed) if keys else np.empty(0), dtype=pl.Float64)
    return holes.with_columns(lot).sort("weight", "rank", "lot", descending=[True, False, False]).drop("lot")
