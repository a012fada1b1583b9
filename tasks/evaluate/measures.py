"""Measures of a ranking, by ir-measures: what each query scores, and the means."""

from __future__ import annotations

import polars as pl

from tasks.errors import Refused

# By the names that metrics files use. nDCG takes grades as gains; the others ask for `min_relevance`.
NAMES = ("ndcg_at_10", "mrr_at_10", "map_at_100", "recall_at_10", "recall_at_100")
DEPTH = 100
QUERIES_PER_BLOCK = 5_000


def per_query(run: pl.DataFrame, qrels: pl.DataFrame, min_relevance: int = 1) -> pl.DataFrame:
    """What every judged query scores.

    Args:
        run: query_id, doc_id, score.
        qrels: query_id, doc_id, relevance.
        min_relevance: the grade from which a document counts as relevant, in all measures but nDCG.

    Returns:
        query_id and one column for each of `NAMES`, queries in the order of the qrels. A query with no result, or with no
        relevant document, scores 0, as in TREC's evaluator.

    Raises:
        Refused: a score is no number.
    """
    import ir_measures
    from ir_measures import AP, RR, R, nDCG

    if run["score"].is_nan().any() or run["score"].is_null().any():
        bad = run.filter(pl.col("score").is_nan() | pl.col("score").is_null()).row(0, named=True)
        raise Refused(f"the score of document '{bad['doc_id']}' for query '{bad['query_id']}' is no number: the model is broken.")
    relevant = {"rel": min_relevance}
    measures = dict(
        zip((nDCG @ 10, RR(**relevant) @ 10, AP(**relevant) @ 100, R(**relevant) @ 10, R(**relevant) @ 100), NAMES, strict=True)
    )
    evaluator_of = ir_measures.evaluator
    queries = qrels["query_id"].unique(maintain_order=True)
    found: list[tuple[str, str, float]] = []
    for start in range(0, len(queries), QUERIES_PER_BLOCK):
        block = queries[start : start + QUERIES_PER_BLOCK].implode()
        judged = nested(qrels.filter(pl.col("query_id").is_in(block)), "relevance")
        ranked = nested(run.filter(pl.col("query_id").is_in(block)), "score")
        evaluator = evaluator_of(list(measures), judged)
        found += [(value.query_id, measures[value.measure], value.value) for value in evaluator.iter_calc(ranked)]
    values = pl.DataFrame(found, schema={"query_id": pl.String, "measure": pl.String, "value": pl.Float64}, orient="row")
    wide = values.pivot(on="measure", on_columns=NAMES, index="query_id", values="value")
    return queries.to_frame().join(wide, on="query_id", how="left", maintain_order="left").with_columns(pl.col(*NAMES).fill_null(0.0))


def means(values: pl.DataFrame) -> dict[str, float]:
    """The mean of each measure over the queries."""
    return {name: float(values[name].mean() or 0.0) for name in NAMES}


def nested(frame: pl.DataFrame, value: str) -> dict[str, dict[str, float | int]]:
    """{query: {document: value}}, as evaluators read it."""
    grouped = frame.group_by("query_id", maintain_order=True).agg("doc_id", value)
    return {
        query: dict(zip(documents, values, strict=True))
        for query, documents, values in grouped.select("query_id", "doc_id", value).iter_rows()
    }
