"""A penalty for documents that many queries would choose."""

from __future__ import annotations

from math import log

import numpy as np

from tests.sample.choose.pools import chosen, docs, pool_of, tables_of

# Two candidates always lie 2 standard deviations apart, so the hub leads by 2 wherever it leads.
THREE = {"q1": {"hub": 0.9, "a": 0.8}, "q2": {"hub": 0.9, "b": 0.6}, "q3": {"hub": 0.7, "c": 0.1}}


def firsts(given: dict, **parameters: float) -> list[str]:
    taken = chosen("soft-cap", tables_of(pool_of(given)), n=1, **parameters)
    return [docs(taken, query)[0] for query in given]


def test_penalties_by_hand():
    """Two others choose the hub, so it loses penalty * log 3 = 1.0986 penalty: it stays below 2
    and goes above.
    """
    assert 1.8 * log(3) < 2 < 1.9 * log(3)
    assert firsts(THREE, penalty=1.8, passes=1) == ["hub", "hub", "hub"]
    assert firsts(THREE, penalty=1.9, passes=1) == ["a", "b", "c"]
    assert firsts(THREE, penalty=0) == ["hub", "hub", "hub"]


def test_a_hub_that_all_drop_comes_back():
    """After two passes each has chosen the hub in half of them: 1 other, and 1.9 log 2 = 1.32 is
    less than 2.
    """
    assert firsts(THREE, penalty=1.9, passes=2) == ["hub", "hub", "hub"]


def test_who_needs_the_hub_most_keeps_it():
    """Scores 1, 0, 0 have a deviation of .4714: the hub leads by 2.12, the others' by 2; 1.88
    log 3 = 2.065 lies between.
    """
    given = THREE | {"q1": {"hub": 1.0, "a": 0.0, "z": 0.0}}
    assert firsts(given, penalty=1.88, passes=1) == ["hub", "b", "c"]


def test_a_document_of_one_query_is_not_penalised():
    assert firsts({"q1": {"a": 0.9, "b": 0.8}, "q2": {"c": 0.9, "d": 0.8}}, penalty=100) == [
        "a",
        "c",
    ]


def test_the_unit_of_scores_changes_nothing():
    wide = {
        query: {doc: 40 * score - 7 for doc, score in given.items()}
        for query, given in THREE.items()
    }
    for penalty in (1.7, 1.95):
        assert firsts(wide, penalty=penalty, passes=1) == firsts(THREE, penalty=penalty, passes=1)


def test_the_most_frequent_negative_s_share_drops():
    """A hub near to all of 300 queries: `top` gives it to most of them, the penalty to the few
    it suits best.
    """
    draw = np.random.default_rng(5)
    given = {}
    for number in range(300):
        scores = {"hub": draw.normal(2.2, 0.4)} | {
            f"d{draw.integers(3000)}": draw.normal() for _ in range(30)
        }
        given[f"q{number}"] = dict(sorted(scores.items(), key=lambda item: -item[1]))
    tables = tables_of(pool_of(given), dict.fromkeys(given, 3.0))
    share = {}
    for name, taken in {
        "top": chosen("top", tables, n=4),
        "soft-cap": chosen("soft-cap", tables, n=4),
    }.items():
        share[name] = taken["doc_id"].value_counts()["count"].max() / 300
    assert share["top"] > 0.8
    assert 0 < share["soft-cap"] < 0.75 * share["top"]


def test_what_is_not_scored_comes_last():
    tables = tables_of(pool_of({"q": {"nobody": 1.0, "a": 0.5, "b": 0.4}}))
    tables["scores"] = tables["scores"].filter(tables["scores"]["doc_id"] != "nobody")
    assert docs(chosen("soft-cap", tables, n=3)) == ["a", "b", "nobody"]
    assert docs(chosen("soft-cap", tables, n=2)) == ["a", "b"]


def test_no_chance():
    tables = tables_of(pool_of(THREE))
    assert chosen("soft-cap", tables).equals(
        chosen("soft-cap", tables | {"seed": 14, "draws": "position 9"})
    )
