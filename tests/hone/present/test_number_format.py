from __future__ import annotations

import pytest

from hone.present.mlflow_client import flatten
from hone.present.number_format import count, format_change, join_words, score, share, span
from hone.stats.bootstrap import Interval


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0784, "+0.078"), (-0.002, "−0.002"), (0.0001, "0.000"), (-0.0001, "0.000"), (0.0, "0.000")],
)
def test_signed(value: float, text: str):
    assert format_change(value) == text


def test_figures_in_words():
    assert span(Interval(0.0, -0.0016, 0.0082)) == "−0.002 to +0.008"
    assert (score(0.48434), score(None)) == ("0.4843", "–")
    shares = {
        0.0: "0.0 %",
        0.0004: "less than 0.1 %",
        0.0263: "2.6 %",
        0.17: "17.0 %",
        1.0: "100.0 %",
        None: "–",
    }
    assert {value: share(value) for value in shares} == shares
    assert [count(number, "query", "queries") for number in (0, 1, 1149)] == [
        "0 queries",
        "1 query",
        "1,149 queries",
    ]
    assert [join_words(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_settings_without_nesting():
    assert flatten({"a": {"b": [{"c": 1}, 2]}, "d": [], "e": {}, "f": None}) == {
        "a.b.0.c": 1,
        "a.b.1": 2,
        "d": [],
        "e": {},
        "f": None,
    }
