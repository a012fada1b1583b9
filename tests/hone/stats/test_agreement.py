"""Kappa and its interval, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hone.stats.agreement import kappa
from hone.stats.proportions import NOTHING, wilson

# Both say yes to 20, only the first to 5, only the second to 10, neither to 15: observed .7,
# expected .5 * .6 + .5 * .4 = .5.
ONE = np.repeat([True, True, False, False], [20, 5, 10, 15])
OTHER = np.repeat([True, False, True, False], [20, 5, 10, 15])


def test_kappa_by_hand():
    found = kappa(ONE, OTHER, np.arange(50))
    # Each pair moves kappa by .48, -1.52, -1.28 or .72 (over 50): squares sum to 40.32, variance
    # 50/49 * 40.32 / 2500
    half = 1.959964 * math.sqrt(50 / 49 * 40.32) / 50
    assert found.estimate == pytest.approx(0.4)
    assert (found.low, found.high) == pytest.approx((0.4 - half, 0.4 + half))


def test_as_scikit_learn_with_three_grades():
    from sklearn.metrics import cohen_kappa_score

    draw = np.random.default_rng(1)
    one, other = draw.integers(0, 3, 80), draw.integers(0, 3, 80)
    assert kappa(one, other, np.arange(80)).estimate == pytest.approx(cohen_kappa_score(one, other))


def test_pairs_of_few_queries_say_less():
    apart, together = (
        kappa(ONE, OTHER, np.arange(50)),
        kappa(ONE, OTHER, np.repeat(np.arange(5), 10)),
    )
    assert together.estimate == apart.estimate
    assert together.high - together.low > 1.3 * (apart.high - apart.low)


def test_chance_alone_is_nothing():
    assert kappa(np.ones(5), np.ones(5), np.arange(5)) is NOTHING
    assert kappa(np.empty(0), np.empty(0), np.empty(0)) is NOTHING


def test_full_agreement_and_full_disagreement():
    found = kappa(ONE, ONE, np.arange(50))
    # Half say yes, so by chance half agree: a share of agreement of at least Wilson's for 50 of 50
    # is 2 (share - .5).
    assert (found.estimate, found.low, found.high) == pytest.approx(
        (1.0, 2 * (wilson(50, 50)[0] - 0.5), 1.0)
    )
    assert kappa(ONE, ~ONE, np.arange(50)).estimate == pytest.approx(-1.0)
