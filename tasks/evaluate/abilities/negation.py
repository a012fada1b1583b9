"""negation: the share of pairs of queries that both rank their own document above the other's.

Source: NevIR's pairwise accuracy (Weller et al., arXiv 2305.07614). A model that overlooks the negation ranks one document first for
both and is right for neither pair; one that ranks at random is right for a quarter of them.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.ir.diagnostic import Measured
from hone.stats.proportions import NOTHING, Estimate, wilson

MEASURE = "pairwise_accuracy"
CHANCE = 0.25


def negation(run: pl.DataFrame, qrels: pl.DataFrame, min_relevance: int) -> Measured:
    """Pairs are queries of which each is answered by the document that is judged wrong for the other.

    Args:
        run: query_id, doc_id, score; a document that is not in it stands below those that are.
        qrels: query_id, doc_id, relevance: of each query one document is right and one judged wrong.
        min_relevance: the grade from which on a document is right.

    Returns:
        The share with Wilson's interval, which takes pairs for independent; equal scores are not right. Units are pairs, 1 where
        both queries are right.
    """
    scored = qrels.join(run.select("query_id", "doc_id", "score"), on=["query_id", "doc_id"], how="left", maintain_order="left")
    scored = scored.with_columns(pl.col("score").cast(pl.Float64).fill_null(-np.inf))
    right = pl.col("relevance") >= min_relevance
    sides = scored.group_by("query_id", maintain_order=True).agg(
        own=pl.col("doc_id").filter(right).first(), other=pl.col("doc_id").filter(pl.col("relevance") == 0).first(),
        above=pl.col("score").filter(right).first() > pl.col("score").filter(pl.col("relevance") == 0).first(),
    )  # fmt: skip
    both = sides.drop_nulls().join(sides.drop_nulls(), left_on=["own", "other"], right_on=["other", "own"], maintain_order="left")
    pairs = both.filter(pl.col("own") < pl.col("other")).select(
        group=pl.lit("pairs"),
        unit=pl.format("{} {}", "query_id", "query_id_right"),
        value=(pl.col("above") & pl.col("above_right")).cast(pl.Float64),
    )
    hits = float(pairs["value"].sum())
    found = Estimate(hits / len(pairs), *wilson(hits, len(pairs)), len(pairs)) if len(pairs) else NOTHING
    return Measured(MEASURE, CHANCE, found, pairs)
