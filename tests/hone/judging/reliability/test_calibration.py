"""Maps of a judge's probabilities: plain as JSON, and never fitted on the queries that they are
tested on.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from hone.judging.reliability.calibration import calibrate, halves, platt
from hone.stats.calibration import apply, isotonic, logit


def test_platt_by_hand():
    # .25 of the pairs at .5 are answers, .75 of those at .9: intercept logit .25, and slope 2
    # logit(.75) / logit(.9).
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
    map, account = calibrate(values, truth, queries, np.random.default_rng(1))
    assert map["kind"] == "platt"
    assert map["slope"] == pytest.approx(1 / 3, abs=0.06)
    assert (
        account["brier"]["platt"]["estimate"] < account["brier"]["as it comes"]["estimate"] - 0.015
    )
    assert sum(row["pairs"] for row in account["curve"]) == pytest.approx(1000, abs=1)


def test_the_other_half_has_no_part_in_the_fit():
    values, truth, queries = overconfident()
    fit = halves(queries, np.random.default_rng(1))
    other = np.where(fit, truth, ~truth)
    _, account = calibrate(values, other, queries, np.random.default_rng(1))
    again, account_again = calibrate(values, truth, queries, np.random.default_rng(1))
    # Turned round on the held-out half, the very same maps score far worse there.
    assert account["brier"]["platt"]["estimate"] > account_again["brier"]["platt"]["estimate"] + 0.1
    assert again == platt(values[fit], truth[fit])


@pytest.mark.parametrize(
    ("values", "truth", "message"),
    [
        (np.full(100, np.nan), np.arange(100) < 50, "gives no probabilities"),
        (
            np.linspace(0, 1, 100),
            np.ones(100, dtype=bool),
            "needs 20 pairs of each class, and one has 0",
        ),
        (np.linspace(0, 1, 30), np.arange(30) < 15, "needs 20 pairs of each class"),
    ],
)
def test_too_little_to_calibrate_is_reported(values: np.ndarray, truth: np.ndarray, message: str):
    map, account = calibrate(values, truth, np.arange(len(values)), np.random.default_rng(0))
    assert map is None
    assert message in account["why_not"]


def test_probabilities_that_mean_what_they_say_stay():
    draw = np.random.default_rng(6)
    values = np.repeat([0.2, 0.8], 500)
    truth = np.tile(np.arange(5) < 1, 200)
    truth[500:] = ~truth[500:]
    map, account = calibrate(values, truth, np.arange(1000), draw)
    # The truth is exactly as said, so a map can gain no more than the halves differ.
    assert account["brier"]["as it comes"]["estimate"] == pytest.approx(0.16, abs=0.01)
    assert map is None or account["brier"][map["kind"]]["estimate"] > 0.15
