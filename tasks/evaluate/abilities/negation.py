"""negation: fraction of query pairs in which both queries rank their own document above the
other's.

Source: NevIR's pairwise accuracy (Weller et al., arXiv 2305.07614). A model that ignores the
negation ranks one document first for both queries, so no pair is correct. The chance level is 25 %.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.ir.diagnostic import Measured
from hone.stats.proportions import NOTHING, Estimate, wilson

MEASURE = "pairwise_accuracy"
CHANCE = 0.25


def negation(run: pl.DataFrame, qrels: pl.DataFrame, min_relevance: int) -> Measured:
    """Pairs are two queries, each with a relevant document that is judged not relevant for the
    other.

    Args:
        run: query_id, doc_id, score. Missing documents rank below all others.
        qrels: query_id, doc_id, relevance: each query has one relevant document and one judged not
            relevant.
        min_relevance: the lowest relevance grade of a relevant document.

    Returns:
        The fraction with Wilson's interval, which assumes independent pairs. Ties are not correct.
        Units are pairs, with value 1 if both queries are correct.
    """
    scored = qrels.join(
        run.select("query_id", "doc_id", "score"),
        on=["query_id", "doc_id"],
        how="left",
        maintain_order="left",
    )
    scored = scored.with_columns(pl.col("score").cast(pl.Float64).fill_null(-np.inf))
    right = pl.col("relevance") >= min_relevance
    sides = scored.group_by("query_id", maintain_order=True).agg(
        own=pl.col("doc_id").filter(right).first(),
        other=pl.col("doc_id").filter(pl.col("relevance") == 0).first(),
        above=pl.col("score").filter(right).first()
        > pl.col("score").filter(pl.col("relevance") == 0).first(),
    )
    both = sides.drop_nulls().join(
        sides.drop_nulls(),
        left_on=["own", "other"],
        right_on=["other", "own"],
        maintain_order="left",
    )
    pairs = both.filter(pl.col("own") < pl.col("other")).select(
        group=pl.lit("pairs"),
        unit=pl.format("{} {}", "query_id", "query_id_right"),
        value=(pl.col("above") & pl.col("above_right")).cast(pl.Float64),
    )
    hits = float(pairs["value"].sum())
    found = (
        Estimate(hits / len(pairs), *wilson(hits, len(pairs)), len(pairs))
        if len(pairs)
        else NOTHING
    )
    return Measured(MEASURE, CHANCE, found, pairs)
