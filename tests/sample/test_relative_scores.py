"""Candidates beside their query's known positives."""

from __future__ import annotations

import polars as pl
import pytest

from hone.errors import Refused
from tasks.sample.relative_scores import compared

PAIRS = {"query_id": pl.String, "doc_id": pl.String}
POOL = pl.DataFrame(
    [("q1", "a"), ("q1", "b"), ("q2", "a"), ("q3", "a")], schema=PAIRS, orient="row"
)
POSITIVES = pl.DataFrame(
    [("q1", "p"), ("q1", "r"), ("q2", "p"), ("q9", "p")], schema=PAIRS, orient="row"
)
SCORES = pl.DataFrame(
    [
        ("q1", "a", "dense", 0.5),
        ("q1", "p", "dense", 0.9),
        ("q1", "r", "dense", 0.7),
        ("q2", "a", "dense", 0.25),
        ("q2", "p", "dense", float("nan")),
        ("q1", "a", "other", 8.0),
        ("q1", "b", "other", 7.0),
        ("q1", "r", "other", 6.0),
    ],
    schema=PAIRS | {"scorer": pl.String, "score": pl.Float32},
    orient="row",
)


def compare(**parameters: str) -> list[tuple]:
    return compared(
        POOL, POSITIVES, SCORES, parameters.pop("scorer", None), "a rule", **parameters
    ).rows()


def test_the_lowest_or_the_highest_of_the_known_positives():
    """q1 knows p (.9) and r (.7); q2's p has no number; q3 knows nothing; nobody scored q1's b."""
    lowest = pytest.approx(0.7)
    assert compare() == [
        ("q1", "a", 0.5, lowest),
        ("q1", "b", None, lowest),
        ("q2", "a", 0.25, None),
        ("q3", "a", None, None),
    ]
    assert [reference for *_, reference in compare(to="highest")] == [
        pytest.approx(0.9),
        pytest.approx(0.9),
        None,
        None,
    ]


def test_another_scorer():
    assert compare(scorer="other") == [
        ("q1", "a", 8, 6),
        ("q1", "b", 7, 6),
        ("q2", "a", None, None),
        ("q3", "a", None, None),
    ]


def test_nobody_of_that_name():
    with pytest.raises(Refused, match=r"'othr', which has none.*other"):
        compare(scorer="othr")
    with pytest.raises(Refused, match="candidates have none"):
        compared(POOL, POSITIVES, SCORES.clear(), None, "a rule")
