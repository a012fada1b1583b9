"""Measures that ignore unjudged documents: bpref and condensed-list nDCG. They need documents
judged not relevant.

If only relevant documents are labelled, both measures only show whether one was retrieved.
"""

from __future__ import annotations

import polars as pl

from hone.errors import Refused
from hone.ir.measures import nested

NAMES = ("bpref", "condensed_ndcg_at_10")


def judged_only(run: pl.DataFrame, qrels: pl.DataFrame, min_relevance: int = 1) -> pl.DataFrame:
    """Bpref (Buckley and Voorhees 2004) and nDCG@10 of the list without unjudged documents (Sakai
    2007), by ir-measures.

    Args:
        run: query_id, doc_id, rank from 1.
        qrels: query_id, doc_id, relevance.
        min_relevance: the lowest relevance grade of a relevant document, in bpref.

    Returns:
        query_id and one column for each of `NAMES`, for queries with a document judged relevant and
        one judged not relevant.

    Raises:
        Refused: no query has both.
    """
    import ir_measures
    from ir_measures import Bpref, nDCG

    right = pl.col("relevance") >= min_relevance
    queries = (
        qrels.group_by("query_id", maintain_order=True)
        .agg(both=right.any() & (~right).any())
        .filter("both")
        .select("query_id")
    )
    if queries.is_empty():
        raise Refused(
            "no query has both a document judged relevant and one judged not relevant, so this "
            "measure would equal recall. Add "
            "labels of non-relevant documents."
        )
    judged = qrels.join(queries, on="query_id", how="semi", maintain_order="left")
    judged_part = run.join(
        judged, on=["query_id", "doc_id"], how="semi", maintain_order="left"
    ).with_columns(score=-pl.col("rank").cast(pl.Float64))
    measures = dict(zip((Bpref(rel=min_relevance), nDCG @ 10), NAMES, strict=True))
    evaluator = ir_measures.evaluator(list(measures), nested(judged, "relevance"))
    found = [
        (value.query_id, measures[value.measure], value.value)
        for value in evaluator.iter_calc(nested(judged_part, "score"))
    ]
    values = pl.DataFrame(
        found,
        schema={"query_id": pl.String, "measure": pl.String, "value": pl.Float64},
        orient="row",
    )
    wide = values.pivot(on="measure", on_columns=NAMES, index="query_id", values="value")
    return queries.join(wide, on="query_id", how="left", maintain_order="left").with_columns(
        pl.col(*NAMES).fill_null(0.0)
    )
