"""Shares, means and their intervals, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.stats.proportions import NOTHING, mean, share, variance, wilson


def test_wilson_by_hand():
    # 2 of 10 at z = 2: centre (.2 + .2) / 1.4 = .285714, half 2 sqrt(.016 + .01) / 1.4 = .230350
    assert wilson(2, 10, z=2.0) == pytest.approx((0.055364, 0.516064), abs=1e-6)
    assert wilson(0, 0) == (0.0, 1.0)


def test_pairs_of_queries_of_their_own_count_each():
    # 2 of 4, variance between queries 4/3 * 1 / 16 = 1/12, so .25 / (1/12) = 3 independent ones:
    # fewer than 4
    found = share(np.array([1, 1, 0, 0]), np.arange(4))
    assert (found.estimate, found.count) == (0.5, 4)
    assert (found.low, found.high) == pytest.approx(wilson(1.5, 3))


def test_pairs_of_one_query_count_once():
    # Two queries, all of the one right and all of the other wrong: variance 2 * (4 + 4) / 64 = 1/4,
    # so one observation.
    found = share(np.repeat([1, 0], 4), np.repeat([0, 1], 4))
    assert (found.low, found.high) == pytest.approx(wilson(0.5, 1))


def test_where_all_agree_the_queries_count():
    found = share(np.ones(6), np.repeat([0, 1, 2], 2))
    assert (found.estimate, found.low, found.high) == pytest.approx((1.0, wilson(3, 3)[0], 1.0))


def test_weights_by_hand():
    # One pair that stands for 3 and is right, one that stands for 1 and is not: .75, of Kish's 16 /
    # 10 = 1.6 observations; between queries 2 * (.75^2 + .75^2) / 16 = .140625, so .1875 / .140625
    # = 1.333
    found = share(np.array([1, 0]), np.arange(2), np.array([3.0, 1.0]))
    assert found.estimate == 0.75
    assert (found.low, found.high) == pytest.approx(wilson(1.0, 4 / 3))


def test_what_was_looked_at_whole_is_certain():
    found = share(np.array([1, 0, 0, 0]), np.arange(4), sampled=1.0)
    assert (found.estimate, found.low, found.high) == (0.25, 0.25, 0.25)


def test_nothing_seen_is_nothing_known():
    assert share(np.empty(0), np.empty(0)) is NOTHING
    assert mean(np.empty(0), np.empty(0)) is NOTHING


def test_one_query_says_nothing_of_others():
    assert share(np.array([1, 0]), np.zeros(2)).high > 0.9
    assert mean(np.array([1.0, 2.0]), np.zeros(2)).low is None


def test_a_mean_by_hand():
    # 1 and 2: mean 1.5, variance of the sum 2 * (.25 + .25) = 1, standard error 1 / 2
    found = mean(np.array([1.0, 2.0]), np.arange(2))
    assert (found.estimate, found.low, found.high) == pytest.approx(
        (1.5, 1.5 - 0.979982, 1.5 + 0.979982)
    )


def test_variance_of_pairs_apart_and_together():
    assert variance(np.array([1.0, -1.0, 1.0, -1.0]), np.arange(4)) == pytest.approx(4 / 3 * 4)
    assert variance(np.array([1.0, -1.0, 1.0, -1.0]), np.array([0, 0, 1, 1])) == 0


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 5), st.floats(0.1, 9)), min_size=1, max_size=30
    ),
    st.floats(0, 1),
)
def test_an_interval_holds_its_share_and_stays_a_share(rows: list, sampled: float):
    hits, queries, weights = (np.array(column) for column in zip(*rows, strict=True))
    found = share(hits, queries, weights, sampled)
    assert -1e-12 <= found.low <= found.estimate <= found.high <= 1 + 1e-12
