"""Measures, with answers worked by hand, and against beir's own evaluator."""

from __future__ import annotations

from math import log2

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.errors import Refused
from hone.ir.measures import NAMES, in_blocks, in_trec_order, means, nested, per_query

QRELS = pl.DataFrame(
    {
        "query_id": ["a", "a", "a", "b", "c"],
        "doc_id": ["d1", "d2", "d3", "d1", "d9"],
        "relevance": [2, 1, 0, 1, 1],
    },
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
    # a: grades in order 0, 2, -, 1. Gains are the grades: 2/log2(3) + 1/log2(5), ideal 2/log2(2) +
    # 1/log2(3).
    assert values["a"]["ndcg_at_10"] == pytest.approx(
        (2 / log2(3) + 1 / log2(5)) / (2 + 1 / log2(3))
    )
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
    run = pl.DataFrame(
        {
            "query_id": ["b"] * 11,
            "doc_id": [*(f"x{n}" for n in range(10)), "d1"],
            "score": [float(-n) for n in range(11)],
        }
    )
    values = per_query(run, QRELS.filter(pl.col("query_id") == "b")).row(0, named=True)
    assert values["recall_at_100"] == 1.0
    assert values["recall_at_10"] == values["mrr_at_10"] == values["ndcg_at_10"] == 0.0
    assert values["map_at_100"] == pytest.approx(1 / 11)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), None])
def test_a_score_that_is_no_number_is_refused(score: float | None):
    broken = RUN.with_columns(
        score=pl.when(pl.col("doc_id") == "d7")
        .then(pl.lit(score, dtype=pl.Float32))
        .otherwise("score")
    )
    with pytest.raises(Refused, match="'d7' for query 'a' is NaN or infinite"):
        per_query(broken, QRELS)


def test_a_pair_with_two_grades_is_refused():
    with pytest.raises(Refused, match=r"'d3' is labelled twice for query 'a' \(grades 0 and 2\)"):
        per_query(
            RUN, pl.concat([QRELS, QRELS[[2]].with_columns(relevance=pl.lit(2, dtype=pl.Int32))])
        )


def ranked(*scores: float) -> pl.DataFrame:
    """d1, d2, ... of query a, with these scores."""
    return pl.DataFrame(
        {
            "query_id": "a",
            "doc_id": [f"d{number}" for number in range(1, len(scores) + 1)],
            "score": scores,
        }
    )


def test_equal_scores_are_ordered_by_id_the_last_first_in_every_measure():
    # trec_eval's order: d4 d3 d2 d1. The one right answer, d2, is third.
    values = per_query(ranked(0.5, 0.5, 0.5, 0.5), QRELS.filter(doc_id="d2", query_id="a")).row(
        0, named=True
    )
    assert values["mrr_at_10"] == values["map_at_100"] == pytest.approx(1 / 3)
    assert values["ndcg_at_10"] == pytest.approx(1 / log2(4))


def test_scores_that_are_equal_as_32_bit_numbers_are_equal():
    assert in_trec_order(ranked(0.5 + 1e-12, 0.5, 0.6))["doc_id"].to_list() == ["d3", "d2", "d1"]


def test_the_queries_stay_in_their_order():
    both = pl.concat([ranked(0.1, 0.2).with_columns(query_id=pl.lit("b")), ranked(0.8, 0.9)])
    assert in_trec_order(both).select("query_id", "doc_id").rows() == [
        ("b", "d2"),
        ("b", "d1"),
        ("a", "d2"),
        ("a", "d1"),
    ]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=1, max_size=130),
    st.dictionaries(st.integers(1, 140), st.integers(0, 3), min_size=1, max_size=12),
    st.integers(1, 2),
)
def test_the_figures_are_those_of_ir_measures_whatever_ties(
    scores: list[float], grades: dict[int, int], least: int
):
    import ir_measures
    from ir_measures import AP, R, nDCG

    run = ranked(*scores)
    qrels = pl.DataFrame(
        {
            "query_id": "a",
            "doc_id": [f"d{number}" for number in grades],
            "relevance": list(grades.values()),
        }
    )
    ours = per_query(run, qrels, least).row(0, named=True)
    measures = {
        "ndcg_at_10": nDCG @ 10,
        "map_at_100": AP(rel=least) @ 100,
        "recall_at_10": R(rel=least) @ 10,
        "recall_at_100": R(rel=least) @ 100,
    }
    theirs = ir_measures.calc_aggregate(
        list(measures.values()), nested(qrels, "relevance"), nested(run, "score")
    )
    for name, measure in measures.items():
        assert ours[name] == pytest.approx(theirs[measure]), name
    order = sorted(zip(scores, run["doc_id"], strict=True), reverse=True)
    places = [
        place
        for place, (_, doc) in enumerate(order[:10], start=1)
        if grades.get(int(doc[1:]), 0) >= least
    ]
    assert ours["mrr_at_10"] == pytest.approx(1 / places[0] if places else 0.0)


def test_the_figures_are_those_of_beirs_evaluator():
    from beir.retrieval.evaluation import EvaluateRetrieval

    rows = [
        (f"q{q}", f"d{(q * 7 + rank * 3) % 40}", 1.0 - rank / 50)
        for q in range(30)
        for rank in range(25)
    ]
    run = pl.DataFrame(
        rows, schema={"query_id": pl.String, "doc_id": pl.String, "score": pl.Float64}, orient="row"
    ).unique(["query_id", "doc_id"], keep="first", maintain_order=True)
    judged = [
        (f"q{q}", f"d{(q * 5 + n * 11) % 40}", 1 + n % 2) for q in range(30) for n in range(4)
    ]
    qrels = pl.DataFrame(judged, schema=QRELS.schema, orient="row").unique(
        ["query_id", "doc_id"], keep="first", maintain_order=True
    )
    ours = means(per_query(run, qrels))
    theirs = {}
    for found in EvaluateRetrieval.evaluate(
        nested(qrels, "relevance"), nested(run, "score"), [10, 100]
    ):
        theirs |= found
    theirs |= EvaluateRetrieval.evaluate_custom(
        nested(qrels, "relevance"), nested(run, "score"), [10], metric="mrr"
    )
    for name, their_name in zip(
        NAMES, ("NDCG@10", "MRR@10", "MAP@100", "Recall@10", "Recall@100"), strict=True
    ):
        assert ours[name] == pytest.approx(theirs[their_name], abs=1e-4), name


def test_parts_are_of_whole_queries_and_lose_nothing():
    run = pl.concat([ranked(0.1, 0.2).with_columns(query_id=pl.lit(query)) for query in "abcde"])
    assert [
        part["query_id"].unique(maintain_order=True).to_list() for part in in_blocks(run, 2)
    ] == [["a", "b"], ["c", "d"], ["e"]]
    assert pl.concat(in_blocks(run, 2)).equals(run)
    scattered = run[[0, 2, 4, 6, 8, 1, 3, 5, 7, 9]]
    assert pl.concat(in_blocks(scattered, 2)).rows() == run.rows()
    assert not list(in_blocks(run.clear()))
    assert per_query(scattered, QRELS).equals(per_query(run, QRELS))
