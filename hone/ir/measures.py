"""Measures of a ranking by trec_eval (pytrec_eval, as used by ir-measures): values of each
query, and means.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import polars as pl

from hone.errors import Refused

# By their names in metrics files. nDCG uses grades as gains. The others need `min_relevance`.
THEIRS = {
    "ndcg_at_10": "ndcg_cut_10",
    "mrr_at_10": "recip_rank",
    "map_at_100": "map_cut_100",
    "recall_at_10": "recall_10",
    "recall_at_100": "recall_100",
}
NAMES = tuple(THEIRS)
WEIGHTED = "weighted_"  # prefix of means that are weighted by traffic
DEPTH = 100
QUERIES_PER_BLOCK = 5_000


def per_query(run: pl.DataFrame, qrels: pl.DataFrame, min_relevance: int = 1) -> pl.DataFrame:
    """The measures of every judged query.

    Args:
        run: query_id, doc_id, score.
        qrels: query_id, doc_id, relevance.
        min_relevance: the lowest relevance grade of a relevant document, in all measures but nDCG.

    Returns:
        query_id and one column for each of `NAMES`, queries in the order of the qrels. A query
        without results or without a relevant document scores 0, as in trec_eval. Ties are broken as
        in trec_eval (`in_trec_order`).

    Raises:
        Refused: a score is NaN or infinite, or a pair is labelled twice.
    """
    import pytrec_eval

    refuse_no_number(run)
    refuse_two_grades(qrels)
    queries = qrels["query_id"].unique(maintain_order=True)
    found = []
    for part in in_blocks(run):
        judged = qrels.join(part.select("query_id").unique(), on="query_id", how="semi")
        evaluator = pytrec_eval.RelevanceEvaluator(
            nested(judged, "relevance"), THEIRS.values(), relevance_level=min_relevance
        )
        ranked = nested(as_far_as_right(part, judged), "score")
        found += [
            (query, *map(of.__getitem__, THEIRS.values()))
            for query, of in evaluator.evaluate(ranked).items()
        ]
    values = pl.DataFrame(
        found, schema={"query_id": pl.String} | dict.fromkeys(NAMES, pl.Float64), orient="row"
    )
    # trec_eval's reciprocal rank has no cutoff.
    values = values.with_columns(
        mrr_at_10=pl.when(pl.col("mrr_at_10") > 1 / 10.5).then("mrr_at_10").otherwise(0.0)
    )
    return (
        queries.to_frame()
        .join(values, on="query_id", how="left", maintain_order="left")
        .with_columns(pl.col(*NAMES).fill_null(0.0))
    )


def in_blocks(run: pl.DataFrame, queries: int = QUERIES_PER_BLOCK) -> Iterator[pl.DataFrame]:
    """A ranking in blocks of whole queries, so intermediate results stay small."""
    runs = run["query_id"].rle().struct.unnest()
    if runs["value"].n_unique() < len(runs):
        yield from in_blocks(run.sort("query_id", maintain_order=True), queries)
        return
    starts = [0, *runs["len"].cast(pl.Int64).cum_sum()][: len(runs) : queries]
    for start, end in itertools.pairwise([*starts, len(run)]):
        yield run[start:end]


def in_trec_order(run: pl.DataFrame) -> pl.DataFrame:
    """Each query's documents in trec_eval's order: by fp32 score, ties by document id, descending.

    Args:
        run: query_id, doc_id, score.

    Returns:
        The same rows, queries in the order of their first rows.
    """
    placed = run.with_row_index("first").with_columns(
        pl.col("first").min().over("query_id"), single=pl.col("score").cast(pl.Float32)
    )
    return placed.sort("first", "single", "doc_id", descending=[False, True, True]).drop(
        "first", "single"
    )


def as_far_as_right(run: pl.DataFrame, qrels: pl.DataFrame) -> pl.DataFrame:
    """query_id, doc_id, score (minus the rank) of each query's ranking down to its last relevant
    document. No measure looks further.
    """
    right = qrels.filter(pl.col("relevance") > 0).select("query_id", "doc_id", right=pl.lit(True))
    ranked = in_trec_order(run).with_columns(rank=pl.int_range(1, pl.len() + 1).over("query_id"))
    ranked = ranked.join(right, on=["query_id", "doc_id"], how="left", maintain_order="left")
    last = ranked.filter("right").group_by("query_id").agg(last=pl.col("rank").max())
    return (
        ranked.join(last, on="query_id", how="inner", maintain_order="left")
        .filter(pl.col("rank") <= pl.col("last"))
        .select("query_id", "doc_id", score=-pl.col("rank").cast(pl.Float64))
    )


def refuse_no_number(run: pl.DataFrame) -> None:
    """Raise Refused if a score is NaN or infinite."""
    bad = run.filter(~pl.col("score").is_finite().fill_null(False)).head(1)
    for row in bad.iter_rows(named=True):
        raise Refused(
            f"the score of document '{row['doc_id']}' for query '{row['query_id']}' is NaN or "
            "infinite: the model is broken. Train it "
            "again with a lower learning rate."
        )


def refuse_two_grades(qrels: pl.DataFrame) -> None:
    """Raise Refused if a query-document pair occurs twice."""
    twice = (
        qrels.filter(pl.struct("query_id", "doc_id").is_duplicated())
        .select("query_id", "doc_id", "relevance")
        .sort(pl.all())
    )
    if len(twice):
        (query, doc, one), (*_, other) = twice.head(2).rows()
        raise Refused(
            f"document '{doc}' is labelled twice for query '{query}' (grades {one} and {other}). "
            "Keep one label for each pair."
        )


def means(values: pl.DataFrame) -> dict[str, float]:
    """The mean of each measure over the queries."""
    return {name: float(values[name].mean() or 0.0) for name in NAMES}


def weighted_means(values: pl.DataFrame, weights: pl.Series) -> dict[str, float]:
    """The weighted mean of each measure over the queries, sum w x / sum w, with the prefix
    WEIGHTED.

    Args:
        values: the measures of each query.
        weights: the weight of each query, 0 or more. One is above 0.
    """
    total = weights.sum()
    return {f"{WEIGHTED}{name}": float((values[name] * weights).sum() / total) for name in NAMES}


def nested(frame: pl.DataFrame, value: str) -> dict[str, dict[str, float | int]]:
    """{query: {document: value}}, the input format of evaluators."""
    grouped = frame.group_by("query_id", maintain_order=True).agg("doc_id", value)
    return {
        query: dict(zip(documents, values, strict=True))
        for query, documents, values in grouped.select("query_id", "doc_id", value).iter_rows()
    }
