"""Fieller's interval: its cases by hand, what holds of any ratio, and coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hone.stats.fieller import fieller, not_negative, ratio_over_seeds, spread_of_means
from hone.stats.seeds_and_queries import over_seeds

means = st.floats(-5, 5).filter(lambda value: value == 0 or abs(value) > 1e-3)
roots = st.lists(st.floats(-2, 2), min_size=4, max_size=4)


def test_bounded_where_the_lower_mean_is_surely_not_zero():
    # (1 - 2r)^2 <= r^2: 3r^2 - 4r + 1 <= 0, roots 1/3 and 1.
    found = fieller(1, 2, [[0, 0], [0, 1]], 1)
    assert found.bounded
    assert found.estimate == 0.5
    assert found.parts[0] == pytest.approx((1 / 3, 1))


def test_two_parts_where_only_the_upper_mean_is_surely_not_zero():
    # (2 - r)^2 <= 3 - 4r + 5r^2: 1 <= 4r^2.
    found = fieller(2, 1, [[3, 2], [2, 5]], 1)
    assert not found.bounded
    assert found.parts == ((-math.inf, pytest.approx(-0.5)), (pytest.approx(0.5), math.inf))


def test_the_whole_line_where_both_means_may_be_zero():
    # (1 - r)^2 <= 4 + 4r^2 for every r.
    found = fieller(1, 1, [[4, 0], [0, 4]], 1)
    assert found.parts == ((-math.inf, math.inf),)


def test_one_end_where_the_lower_mean_is_just_as_far_from_zero_as_chance_reaches():
    # (1 - r)^2 <= r^2: 1 <= 2r.
    assert fieller(1, 1, [[0, 0], [0, 1]], 1).parts == ((0.5, math.inf),)
    assert fieller(-1, 1, [[0, 0], [0, 1]], 1).parts == ((-math.inf, -0.5),)


def test_without_doubt_it_is_the_ratio():
    assert fieller(3, 4, np.zeros((2, 2)), 1.96).parts == ((0.75, 0.75),)
    nothing = fieller(0, 0, np.zeros((2, 2)), 1.96)
    assert (nothing.estimate, nothing.parts) == (None, ((-math.inf, math.inf),))
    assert fieller(1, 0, np.zeros((2, 2)), 1.96).parts == ()


@pytest.mark.parametrize(
    "spread", [[[1, 2], [2, 1]], [[-1, 0], [0, 1]], [[1, 0.5], [0.1, 1]], [[math.nan, 0], [0, 1]]]
)
def test_what_is_no_covariance_matrix_is_refused(spread: list):
    with pytest.raises(ValueError, match="not a covariance matrix|is NaN"):
        fieller(1, 2, spread, 2)


def any_spread(root: list[float]) -> np.ndarray:
    matrix = np.array(root).reshape(2, 2)
    return matrix @ matrix.T


@given(above=means, below=means, root=roots, quantile=st.floats(0.1, 4), ratio=st.floats(-50, 50))
def test_a_ratio_stays_if_its_own_test_does_not_rule_it_out(
    above: float, below: float, root: list, quantile: float, ratio: float
):
    spread = any_spread(root)
    error = spread[0, 0] - 2 * ratio * spread[0, 1] + ratio * ratio * spread[1, 1]
    margin = (above - ratio * below) ** 2 - quantile**2 * error
    assume(abs(margin) > 1e-6 * (1 + ratio * ratio))
    assert fieller(above, below, spread, quantile).holds(ratio) == (margin <= 0)


@given(above=means, below=means, root=roots, quantile=st.floats(0.1, 4))
def test_bounded_if_and_only_if_the_interval_of_the_lower_mean_is_beyond_zero(
    above: float, below: float, root: list, quantile: float
):
    spread = any_spread(root)
    reach = quantile * math.sqrt(spread[1, 1])
    assume(abs(abs(below) - reach) > 1e-6)
    assert fieller(above, below, spread, quantile).bounded == (abs(below) > reach)


@given(above=means, below=means.filter(bool), root=roots, quantile=st.floats(0.1, 4))
def test_more_doubt_rules_out_less(above: float, below: float, root: list, quantile: float):
    spread = any_spread(root)
    narrow, wide = (
        fieller(above, below, spread, quantile),
        fieller(above, below, spread, 1.5 * quantile),
    )
    for low, high in narrow.parts:
        for end in (low, high):
            assert math.isinf(end) or any(
                a - 1e-6 * (1 + abs(end)) <= end <= b + 1e-6 * (1 + abs(end)) for a, b in wide.parts
            )


def test_spread_by_the_crossed_model_is_that_of_over_seeds():
    rng = np.random.default_rng(3)
    below = (
        0.1
        + rng.normal(0, 0.05, (5, 1))
        + rng.normal(0, 0.2, (1, 40))
        + rng.normal(0, 0.1, (5, 40))
    )
    spread = spread_of_means(np.stack([below, 2 * below]))
    one = over_seeds(below)
    from scipy.stats import t

    assert math.sqrt(spread[0, 0]) * t.ppf(0.975, one.freedom) == pytest.approx(one.high - one.mean)
    assert spread[1, 1] == pytest.approx(4 * spread[0, 0])
    assert spread[0, 1] == pytest.approx(2 * spread[0, 0])


def test_a_ratio_of_what_is_always_half_is_a_half():
    rng = np.random.default_rng(4)
    below = 0.2 + rng.normal(0, 0.1, (5, 30))
    found = ratio_over_seeds(below / 2, below)
    assert found.parts[0] == pytest.approx((0.5, 0.5), abs=1e-6)


@given(root=roots)
def test_the_nearest_matrix_of_variances(root: list[float]):
    matrix = np.array(root).reshape(2, 2)
    symmetric = matrix + matrix.T
    made = not_negative(symmetric)
    assert np.linalg.eigvalsh(made).min() >= -1e-9
    assert np.allclose(not_negative(any_spread(root)), any_spread(root))


@pytest.mark.parametrize(
    ("seeds_vary", "bounded", "widest"), [(0.0, 0.85, 0.7), (0.01, 0.8, 0.75), (0.03, 0.5, 1.0)]
)
def test_the_interval_has_its_nominal_coverage_of_the_true_ratio_and_is_no_wider(
    seeds_vary: float, bounded: float, widest: float
):
    """Damage .05, of which .6 is repaired, with the doubt that five trainings and 60 queries have.

    An interval that is everything always covers, so how many are bounded, and how wide these are in
    the median, is bounded too.
    """
    rng, found, draws = np.random.default_rng(6), [], 1000
    for _ in range(draws):
        shared = (
            rng.normal(0, seeds_vary, (5, 1))
            + rng.normal(0, 0.1, (1, 60))
            + rng.normal(0, 0.1, (5, 60))
        )
        own = (
            rng.normal(0, seeds_vary, (5, 1))
            + rng.normal(0, 0.1, (1, 60))
            + rng.normal(0, 0.1, (5, 60))
        )
        found.append(ratio_over_seeds(0.03 + 0.6 * shared + 0.4 * own, 0.05 + shared))
    covered = sum(one.holds(0.6) for one in found) / draws
    assert 0.95 - 2 * math.sqrt(0.05 * 0.95 / draws) < covered < 0.99
    widths = [one.parts[0][1] - one.parts[0][0] for one in found if one.bounded]
    assert len(widths) > bounded * draws
    assert np.median(widths) < widest


def test_other_queries_make_no_ratio():
    with pytest.raises(ValueError, match="different queries or seeds"):
        ratio_over_seeds(np.zeros((5, 3)), np.zeros((5, 4)))
