"""no-answer: how well the top score separates answerable from unanswerable queries.

Source: the area under the ROC curve (Mann and Whitney 1947): the probability that an answerable
query has a higher top score than an unanswerable one. At 0.5, no threshold can detect unanswerable
queries.
"""

from __future__ import annotations

import polars as pl

from hone.ir.diagnostic import Measured
from hone.stats.auc import auc, placements

MEASURE = "answerable_auc"
CHANCE = 0.5


def no_answer(
    run: pl.DataFrame, qrels: pl.DataFrame, queries: pl.DataFrame, min_relevance: int
) -> Measured:
    """A query without labels is unanswerable. Queries with only lower grades are excluded.

    Args:
        run: query_id, doc_id, score. A query without results scores below all others.
        qrels: query_id, doc_id, relevance.
        queries: query_id of every query.
        min_relevance: the lowest relevance grade of a relevant document.

    Returns:
        The AUC with DeLong's interval. Units are queries: for each answerable one the fraction of
            unanswerable ones below it, and for each
        unanswerable one the fraction of answerable ones above it. Ties count a half.
    """
    best = run.group_by("query_id").agg(score=pl.col("score").cast(pl.Float64).max())
    labelled = qrels.group_by("query_id").agg(answered=(pl.col("relevance") >= min_relevance).any())
    query_scores = queries.select("query_id").join(
        best, on="query_id", how="left", maintain_order="left"
    )
    query_scores = query_scores.join(labelled, on="query_id", how="left", maintain_order="left")
    lowest = pl.col("score").min() - 1
    query_scores = query_scores.with_columns(score=pl.col("score").fill_null(lowest).fill_null(0.0))
    parts = {
        True: query_scores.filter("answered"),
        False: query_scores.filter(pl.col("answered").is_null()),
    }
    both = pl.concat(
        [part.select("query_id", "score", answered=pl.lit(kind)) for kind, part in parts.items()]
    )
    found = auc(both["score"].to_numpy(), both["answered"].to_numpy())
    if found.estimate is None:
        return Measured(
            MEASURE,
            CHANCE,
            found,
            pl.DataFrame(schema={"group": pl.String, "unit": pl.String, "value": pl.Float64}),
        )
    sides = placements(parts[True]["score"].to_numpy(), parts[False]["score"].to_numpy())
    units = [
        part.select(group=pl.lit(name), unit="query_id", value=pl.Series(values, dtype=pl.Float64))
        for name, part, values in zip(
            ("with an answer", "without"), parts.values(), sides, strict=True
        )
    ]
    return Measured(MEASURE, CHANCE, found, pl.concat(units))
