from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hone.ir.diagnostic import measured
from tests.evaluate.ranked import qrels

PAIRS = qrels(a={"A": 1, "B": 0}, b={"A": 0, "B": 1}, c={"C": 1, "D": 0}, d={"C": 0, "D": 1})


def run(**scores: dict[str, float]) -> pl.DataFrame:
    rows = [(query, doc, score) for query, docs in scores.items() for doc, score in docs.items()]
    return pl.DataFrame(
        rows, schema={"query_id": pl.String, "doc_id": pl.String, "score": pl.Float32}, orient="row"
    )


def accuracy(ranking: pl.DataFrame, labels: pl.DataFrame = PAIRS):
    return measured("negation", ranking, labels.select("query_id").unique(), labels, 1)


def test_both_queries_of_a_pair_must_be_right():
    found = accuracy(
        run(a={"A": 2, "B": 1}, b={"A": 1, "B": 2}, c={"C": 2, "D": 1}, d={"C": 2, "D": 1})
    )
    # Wilson for 1 of 2: centre (.5 + z²/4) / (1 + z²/2) = .5, half .4055.
    assert (found.measure, found.found.estimate, found.found.count) == ("pairwise_accuracy", 0.5, 2)
    assert (found.found.low, found.found.high) == pytest.approx((0.0945, 0.9055), abs=1e-4)
    assert found.units.rows() == [("pairs", "a b", 1.0), ("pairs", "c d", 0.0)]
    assert found.figures == {
        "pairwise_accuracy": 0.5,
        "pairwise_accuracy_low": found.found.low,
        "pairwise_accuracy_high": found.found.high,
        "units": 2,
    }


def test_a_tie_is_not_right_and_what_is_not_ranked_is_below():
    assert accuracy(
        run(a={"A": 1, "B": 1}, b={"A": 1, "B": 2}, c={"C": 1}, d={"D": 1, "C": 0})
    ).units["value"].to_list() == [0.0, 1.0]
    assert accuracy(run(a={"A": 2, "B": 1}, b={"B": 1})).units["value"].to_list() == [
        1.0,
        0.0,
    ]  # c and d have no ranking


def test_a_query_without_its_twin_is_in_no_pair():
    assert accuracy(run(a={"A": 2, "B": 1}), qrels(a={"A": 1, "B": 0}, e={"E": 1})).found.count == 0


def test_a_ranking_by_lot_is_right_for_a_quarter():
    draw = np.random.default_rng(3)
    labels = pl.concat(
        [
            qrels(**{f"a{n}": {f"A{n}": 1, f"B{n}": 0}, f"b{n}": {f"A{n}": 0, f"B{n}": 1}})
            for n in range(2_000)
        ]
    )
    found = accuracy(
        labels.select("query_id", "doc_id", score=pl.Series(draw.random(len(labels)))), labels
    ).found
    assert found.low < 0.25 < found.high
    assert found.high - found.low < 0.04
