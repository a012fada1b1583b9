"""Calibrated probabilities: each collection's own map, and none of another judge's."""

from __future__ import annotations

import polars as pl
import pytest

from hone.judging.cascade import calibrated

HALVES = {"kind": "isotonic", "x": [0.0, 1.0], "y": [0.0, 0.5]}
VERDICTS = pl.DataFrame(
    {"collection": ["a", "b", "a"], "probability": [0.8, 0.8, None]},
    schema={"collection": pl.String, "probability": pl.Float32},
)


def through(*evidence: dict) -> list[float | None]:
    made = calibrated(VERDICTS, list(evidence))
    assert made["stated"].to_list() == VERDICTS["probability"].to_list()
    return made["probability"].to_list()


def test_each_collection_has_its_own_map_and_what_has_none_stays():
    assert through({"collection": "a", "calibration": HALVES, "another": None}) == [
        pytest.approx(0.4),
        pytest.approx(0.8),
        None,
    ]


def test_a_map_of_another_judge_is_not_used():
    assert through({"collection": "a", "calibration": HALVES, "another": "its prompt"}) == [
        pytest.approx(0.8),
        pytest.approx(0.8),
        None,
    ]
