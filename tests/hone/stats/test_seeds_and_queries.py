"""Differences over queries and seeds: by hand, and covered as often as said."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hone.stats.seeds_and_queries import over_seeds


def test_a_table_of_two_by_two_by_hand():
    # Rows 0 and 2, columns alike: mean 1; mean squares: seeds 2 * (1 + 1) / 1 = 4, queries 0, rest
    # 0. Variance of the mean (0 + 4 - 0) / 4 = 1, with one degree of freedom: t = 12.706.
    found = over_seeds(np.array([[0.0, 0.0], [2.0, 2.0]]))
    assert (found.mean, found.freedom) == (1.0, 1.0)
    assert found.high - found.mean == pytest.approx(12.706, abs=1e-3)
    assert found.of_seeds == pytest.approx(math.sqrt(2))
    assert found.of_queries == 0


def test_where_seeds_add_nothing_it_is_the_test_over_queries():
    values = np.random.default_rng(1).normal(0.1, 1, 30)
    found = over_seeds(np.stack([values, values, values]))
    error = values.std(ddof=1) / math.sqrt(30)
    assert found.freedom == pytest.approx(29)
    assert found.high - found.mean == pytest.approx(2.0452 * error, rel=1e-4)
    assert found.of_seeds == pytest.approx(0, abs=1e-12)


def test_nothing_differs():
    found = over_seeds(np.zeros((2, 3)))
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)


@pytest.mark.parametrize("seeds_vary", [0.0, 0.02, 0.1])
def test_the_interval_has_its_nominal_coverage(seeds_vary: float):
    rng, covered = np.random.default_rng(5), 0
    for _ in range(400):
        table = (
            0.03
            + rng.normal(0, seeds_vary, (5, 1))
            + rng.normal(0, 0.2, (1, 60))
            + rng.normal(0, 0.1, (5, 60))
        )
        found = over_seeds(table)
        covered += found.low <= 0.03 <= found.high
    assert covered / 400 > 0.95 - 4 * math.sqrt(0.05 * 0.95 / 400)


def test_one_seed_says_nothing_of_others():
    with pytest.raises(ValueError, match="two seeds"):
        over_seeds(np.zeros((1, 9)))


def test_the_smallest_difference_that_could_have_been_seen():
    # Two by two as above: error 1 at one degree of freedom, t(.975) = 12.706 and t(.8) = 1.376.
    assert over_seeds(np.array([[0.0, 0.0], [2.0, 2.0]])).detectable() == pytest.approx(
        12.706 + 1.376, abs=2e-3
    )
    assert over_seeds(np.zeros((2, 3))).detectable() is None
