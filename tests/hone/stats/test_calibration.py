"""Calibration of probabilities, worked by hand, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hone.stats.calibration import apply, brier, curve, isotonic


def test_brier_by_hand():
    # (.2^2 + .5^2) / 2
    assert brier(np.array([0.8, 0.5]), np.array([1, 0]), np.arange(2)).estimate == pytest.approx(
        0.145
    )


def test_isotonic_by_hand():
    # 0, 1, 0, 1 in the order of the values: the middle two are pooled to a half.
    map = isotonic(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 1, 0, 1]))
    assert apply(map, np.array([0.1, 0.2, 0.3, 0.4])) == pytest.approx([0, 0.5, 0.5, 1])
    assert apply(map, np.array([0.0, 0.35, 1.0])) == pytest.approx([0, 0.75, 1])


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=4, max_size=40))
def test_isotonic_never_falls_and_gives_probabilities(rows: list):
    values, truth = (np.array(column) for column in zip(*rows, strict=True))
    made = apply(isotonic(values, truth), np.linspace(0, 1, 50))
    assert (np.diff(made) >= -1e-12).all()
    assert made.min() >= 0
    assert made.max() <= 1


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.booleans(), st.sampled_from([0.0, 0.5, 1.0, 7.25])),
        min_size=2,
        max_size=60,
    )
)
def test_isotonic_is_that_of_scikit_learn(rows: list):
    from sklearn.isotonic import IsotonicRegression

    values, truth, weights = (np.array(column) for column in zip(*rows, strict=True))
    assume(weights.any())
    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(
        values / 30, truth.astype(float), weights
    )
    theirs = {
        "kind": "isotonic",
        "x": fitted.X_thresholds_.tolist(),
        "y": fitted.y_thresholds_.tolist(),
    }
    grid = np.linspace(-0.1, 1.1, 200)
    assert apply(isotonic(values / 30, truth, weights), grid) == pytest.approx(
        apply(theirs, grid), abs=1e-12
    )


def test_bins_hold_as_many_each_and_never_part_equals():
    found = curve(np.arange(10) / 10, np.arange(10) >= 5, bins=2)
    assert [row["pairs"] for row in found] == [5, 5]
    assert [row["share"] for row in found] == [0.0, 1.0]
    assert [row["probability"] for row in found] == pytest.approx([0.2, 0.7])
    assert curve(np.full(9, 0.3), np.arange(9) < 3) == [
        {"probability": pytest.approx(0.3), "share": pytest.approx(1 / 3), "pairs": 9}
    ]
    assert curve(np.empty(0), np.empty(0)) == []
