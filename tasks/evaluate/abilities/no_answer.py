"""no-answer: how well the score of the first document tells queries that have an answer from those that have none.

Source: the area under the ROC curve (Mann and Whitney 1947): the chance that a query with an answer scores higher than one
without. At .5 no threshold on the score can say that there is nothing to find.
"""

from __future__ import annotations

import polars as pl

from hone.ir.diagnostic import Measured
from hone.stats.auc import auc, placements

MEASURE = "answerable_auc"
CHANCE = 0.5


def no_answer(run: pl.DataFrame, qrels: pl.DataFrame, queries: pl.DataFrame, min_relevance: int) -> Measured:
    """A query without any label has no answer; one whose labels are all of a lower grade is left out.

    Args:
        run: query_id, doc_id, score; a query for which nothing is found scores below all others.
        qrels: query_id, doc_id, relevance.
        queries: query_id of every query.
        min_relevance: the grade from which on a document is right.

    Returns:
        The AUC with DeLong's interval. Units are queries: for each that has an answer the share of the others below it, and for
        each of the others the share of those above it; ties count a half.
    """
    best = run.group_by("query_id").agg(score=pl.col("score").cast(pl.Float64).max())
    labelled = qrels.group_by("query_id").agg(answered=(pl.col("relevance") >= min_relevance).any())
    asked = queries.select("query_id").join(best, on="query_id", how="left", maintain_order="left")
    asked = asked.join(labelled, on="query_id", how="left", maintain_order="left")
    lowest = pl.col("score").min() - 1
    asked = asked.with_columns(score=pl.col("score").fill_null(lowest).fill_null(0.0))
    parts = {True: asked.filter("answered"), False: asked.filter(pl.col("answered").is_null())}
    both = pl.concat([part.select("query_id", "score", answered=pl.lit(kind)) for kind, part in parts.items()])
    found = auc(both["score"].to_numpy(), both["answered"].to_numpy())
    if found.estimate is None:
        return Measured(MEASURE, CHANCE, found, pl.DataFrame(schema={"group": pl.String, "unit": pl.String, "value": pl.Float64}))
    sides = placements(parts[True]["score"].to_numpy(), parts[False]["score"].to_numpy())
    units = [
        part.select(group=pl.lit(name), unit="query_id", value=pl.Series(values, dtype=pl.Float64))
        for name, part, values in zip(("with an answer", "without"), parts.values(), sides, strict=True)
    ]
    return Measured(MEASURE, CHANCE, found, pl.concat(units))
