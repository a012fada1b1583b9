"""Maps of probabilities: worked by hand, plain as JSON, and never fitted where they are held against the truth."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.stats.calibration import apply, brier, calibrate, curve, halves, isotonic, logit, platt


def test_brier_by_hand():
    # (.2^2 + .5^2) / 2
    assert brier(np.array([0.8, 0.5]), np.array([1, 0]), np.arange(2)).estimate == pytest.approx(0.145)


def test_isotonic_by_hand():
    # 0, 1, 0, 1 in the order of the values: the middle two are pooled to a half.
    map = isotonic(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 1, 0, 1]))
    assert apply(map, np.array([0.1, 0.2, 0.3, 0.4])) == pytest.approx([0, 0.5, 0.5, 1])
    assert apply(map, np.array([0.0, 0.35, 1.0])) == pytest.approx([0, 0.75, 1])


def test_platt_by_hand():
    # .25 of the pairs at .5 are answers, .75 of those at .9: intercept logit .25, and slope 2 logit(.75) / logit(.9).
    values, truth = np.repeat([0.5, 0.9], 400), np.tile([1, 0, 0, 0], 100).astype(bool)
    truth = np.concatenate([truth, ~truth])
    map = platt(values, truth)
    assert map["intercept"] == pytest.approx(-np.log(3), abs=0.01)
    assert map["slope"] == pytest.approx(2 * np.log(3) / np.log(9), abs=0.01)
    assert apply(map, np.array([0.9])) == pytest.approx([0.75], abs=0.005)


def test_a_map_survives_json_and_missing_probabilities_stay_missing():
    draw = np.random.default_rng(1)
    values = draw.random(100)
    for fit in (isotonic, platt):
        map = fit(values, draw.random(100) < values)
        again = json.loads(json.dumps(map))
        assert apply(again, values) == pytest.approx(apply(map, values))
        assert np.isnan(apply(again, np.array([np.nan, 0.5]))).tolist() == [True, False]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=4, max_size=40))
def test_isotonic_never_falls_and_gives_probabilities(rows: list):
    values, truth = (np.array(column) for column in zip(*rows, strict=True))
    made = apply(isotonic(values, truth), np.linspace(0, 1, 50))
    assert (np.diff(made) >= -1e-12).all()
    assert made.min() >= 0
    assert made.max() <= 1


def test_bins_hold_as_many_each_and_never_part_equals():
    found = curve(np.arange(10) / 10, np.arange(10) >= 5, bins=2)
    assert [row["pairs"] for row in found] == [5, 5]
    assert [row["share"] for row in found] == [0.0, 1.0]
    assert [row["probability"] for row in found] == pytest.approx([0.2, 0.7])
    assert curve(np.full(9, 0.3), np.arange(9) < 3) == [{"probability": pytest.approx(0.3), "share": pytest.approx(1 / 3), "pairs": 9}]
    assert curve(np.empty(0), np.empty(0)) == []


def test_halves_part_queries_and_not_pairs():
    queries = np.repeat(np.arange(7), 3)
    part = halves(queries, np.random.default_rng(0))
    assert len(np.unique(queries[part])) == 4
    assert set(queries[part]).isdisjoint(queries[~part])


def overconfident(count: int = 2000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A judge whose logit is three times too large."""
    draw = np.random.default_rng(5)
    true = draw.random(count)
    return 1 / (1 + np.exp(-3 * logit(true))), draw.random(count) < true, np.arange(count) // 2


def test_an_overconfident_judge_is_mended():
    values, truth, queries = overconfident()
    map, told = calibrate(values, truth, queries, np.random.default_rng(1))
    assert map["kind"] == "platt"
    assert map["slope"] == pytest.approx(1 / 3, abs=0.06)
    assert told["brier"]["platt"]["estimate"] < told["brier"]["as it comes"]["estimate"] - 0.015
    assert sum(row["pairs"] for row in told["curve"]) == pytest.approx(1000, abs=1)


def test_the_other_half_has_no_part_in_the_fit():
    values, truth, queries = overconfident()
    fit = halves(queries, np.random.default_rng(1))
    other = np.where(fit, truth, ~truth)
    _, told = calibrate(values, other, queries, np.random.default_rng(1))
    again, told_again = calibrate(values, truth, queries, np.random.default_rng(1))
    # Turned round on the held-out half, the very same maps score far worse there.
    assert told["brier"]["platt"]["estimate"] > told_again["brier"]["platt"]["estimate"] + 0.1
    assert again == platt(values[fit], truth[fit])


@pytest.mark.parametrize(
    ("values", "truth", "said"),
    [
        (np.full(100, np.nan), np.arange(100) < 50, "gives no probabilities"),
        (np.linspace(0, 1, 100), np.ones(100, dtype=bool), "needs 20 pairs of each class, and one has 0"),
        (np.linspace(0, 1, 30), np.arange(30) < 15, "needs 20 pairs of each class"),
    ],
)
def test_too_little_to_calibrate_is_said(values: np.ndarray, truth: np.ndarray, said: str):
    map, told = calibrate(values, truth, np.arange(len(values)), np.random.default_rng(0))
    assert map is None
    assert said in told["why_not"]


def test_probabilities_that_mean_what_they_say_stay():
    draw = np.random.default_rng(6)
    values = np.repeat([0.2, 0.8], 500)
    truth = np.tile(np.arange(5) < 1, 200)
    truth[500:] = ~truth[500:]
    map, told = calibrate(values, truth, np.arange(1000), draw)
    # The truth is exactly as said, so a map can gain no more than the halves differ.
    assert told["brier"]["as it comes"]["estimate"] == pytest.approx(0.16, abs=0.01)
    assert map is None or told["brier"][map["kind"]]["estimate"] > 0.15
