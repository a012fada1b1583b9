"""Measures, with answers worked by hand, and against beir's own evaluator."""

from __future__ import annotations

from math import log2

import polars as pl
import pytest

from tasks.errors import Refused
from tasks.evaluate.measures import NAMES, means, nested, per_query

QRELS = pl.DataFrame(
    {"query_id": ["a", "a", "a", "b", "c"], "doc_id": ["d1", "d2", "d3", "d1", "d9"], "relevance": [2, 1, 0, 1, 1]},
    schema={"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32},
)
RUN = pl.DataFrame(
    {
        "query_id": ["a"] * 4 + ["b"] * 3,
        "doc_id": ["d3", "d1", "d7", "d2", "d8", "d9", "d1"],
        "score": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3],
    },
    schema={"query_id": pl.String, "doc_id": pl.String, "score": pl.Float32},
)


def test_measures_worked_by_hand():
    values = {row["query_id"]: row for row in per_query(RUN, QRELS).iter_rows(named=True)}
    # a: grades in order 0, 2, -, 1. Gains are the grades: 2/log2(3) + 1/log2(5), ideal 2/log2(2) + 1/log2(3).
    assert values["a"]["ndcg_at_10"] == pytest.approx((2 / log2(3) + 1 / log2(5)) / (2 + 1 / log2(3)))
    assert values["a"]["mrr_at_10"] == pytest.approx(1 / 2)
    assert values["a"]["map_at_100"] == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert values["a"]["recall_at_10"] == 1.0
    # b: the one relevant document is third.
    assert values["b"]["ndcg_at_10"] == pytest.approx(1 / log2(4))
    assert values["b"]["mrr_at_10"] == pytest.approx(1 / 3)
    # c: judged, and nothing was returned.
    assert [values["c"][name] for name in NAMES] == [0.0] * 5


def test_min_relevance_raises_what_counts_as_relevant_and_leaves_ndcg():
    low, high = (per_query(RUN, QRELS, least).row(0, named=True) for least in (1, 2))
    assert high["mrr_at_10"] == pytest.approx(1 / 2)
    assert high["map_at_100"] == pytest.approx(1 / 2)  # of d1 alone, which is second
    assert low["map_at_100"] == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert low["ndcg_at_10"] == high["ndcg_at_10"]


def test_a_document_at_rank_eleven_counts_for_recall_at_100_alone():
    run = pl.DataFrame({"query_id": ["b"] * 11, "doc_id": [*(f"x{n}" for n in range(10)), "d1"], "score": [float(-n) for n in range(11)]})
    values = per_query(run, QRELS.filter(pl.col("query_id") == "b")).row(0, named=True)
    assert values["recall_at_100"] == 1.0
    assert values["recall_at_10"] == values["mrr_at_10"] == values["ndcg_at_10"] == 0.0
    assert values["map_at_100"] == pytest.approx(1 / 11)


def test_a_score_that_is_no_number_is_refused():
    broken = RUN.with_columns(score=pl.when(pl.col("doc_id") == "d7").then(float("nan")).otherwise("score"))
    with pytest.raises(Refused, match="'d7' for query 'a' is no number"):
        per_query(broken, QRELS)


def test_the_figures_are_those_of_beirs_evaluator():
    from beir.retrieval.evaluation import EvaluateRetrieval

    rows = [(f"q{q}", f"d{(q * 7 + rank * 3) % 40}", 1.0 - rank / 50) for q in range(30) for rank in range(25)]
    run = pl.DataFrame(rows, schema={"query_id": pl.String, "doc_id": pl.String, "score": pl.Float64}, orient="row").unique(
        ["query_id", "doc_id"], keep="first", maintain_order=True
    )
    judged = [(f"q{q}", f"d{(q * 5 + n * 11) % 40}", 1 + n % 2) for q in range(30) for n in range(4)]
    qrels = pl.DataFrame(judged, schema=QRELS.schema, orient="row").unique(["query_id", "doc_id"], keep="first", maintain_order=True)
    ours = means(per_query(run, qrels))
    theirs = {}
    for found in EvaluateRetrieval.evaluate(nested(qrels, "relevance"), nested(run, "score"), [10, 100]):
        theirs |= found
    theirs |= EvaluateRetrieval.evaluate_custom(nested(qrels, "relevance"), nested(run, "score"), [10], metric="mrr")
    for name, their_name in zip(NAMES, ("NDCG@10", "MRR@10", "MAP@100", "Recall@10", "Recall@100"), strict=True):
        assert ours[name] == pytest.approx(theirs[their_name], abs=1e-4), name
