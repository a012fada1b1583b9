from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.stats import bootstrap as module
from hone.stats.bootstrap import BOOTSTRAP, STUDENT, Interval, intervals


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_where_all_queries_agree_the_interval_is_a_point():
    assert intervals(np.full((7, 1), 0.25), draw()) == [Interval(0.25, 0.25, 0.25)]


def test_few_queries_have_students_t_by_hand():
    """.1, .2, .3, .4: mean .25, s = .129099, t(.975, 3) = 3.182446, so .25 -+ 3.182446 * .129099
    / 2 = .25 -+ .205426.
    """
    [found] = intervals(np.array([[0.1], [0.2], [0.3], [0.4]]), draw())
    assert (found.low, found.high) == pytest.approx((0.25 - 0.205426, 0.25 + 0.205426), abs=1e-6)
    assert (found.method, found.called) == (STUDENT, "95 % interval by Student's t")


def test_two_queries_of_which_one_gains():
    """t of one degree of freedom is 12.7: all that a measure can be."""
    [found] = intervals(np.array([[0.0], [1.0]]), draw())
    assert found == Interval(0.5, -1.0, 1.0)
    assert not found.beyond_zero


def test_from_thirty_queries_on_it_is_the_bootstrap():
    values = draw(3).random((30, 1))
    assert intervals(values[:29], draw())[0].method == STUDENT
    [found] = intervals(values, draw())
    assert (found.method, found.called) == (BOOTSTRAP, "95 % interval")


@pytest.mark.parametrize("queries", [3, 10, 29])
def test_an_interval_of_few_queries_covers_as_often_as_it_says(queries: int):
    """Of 4,000 samples of normal values 95 % less four standard errors cover the mean; the
    percentile bootstrap's spread would not.
    """
    samples = draw(4).normal(0.02, 0.05, (queries, 4000))
    found = intervals(samples, draw())
    covered = np.mean([one.low <= 0.02 <= one.high for one in found])
    assert covered == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 4000))
    spread = 1.959964 * samples.std(0) / np.sqrt(queries)  # of the bootstrap's means
    assert np.mean(abs(samples.mean(0) - 0.02) <= spread) < covered


def test_the_interval_of_many_queries_is_that_of_the_normal_distribution():
    # Half of 400 values are 1: the mean's standard error is 0.5 / 20 = 0.025, so the interval is
    # 0.5 -+ 1.96 * 0.025.
    [found] = intervals(np.repeat([0.0, 1.0], 200)[:, None], draw())
    assert found.low == pytest.approx(0.451, abs=0.004)
    assert found.high == pytest.approx(0.549, abs=0.004)


def test_a_paired_difference_is_surer_than_two_scores():
    scores = draw(1).random(200)
    own, other, difference = intervals(
        np.column_stack([scores, scores - 0.01, np.full(200, 0.01)]), draw()
    )
    assert own.low < other.high  # the scores' own intervals overlap
    assert difference.beyond_zero
    # Every series sees the same draws, so the difference of two ends is the end of the difference.
    assert own.low - other.low == pytest.approx(0.01)


def test_no_query():
    assert intervals(np.empty((0, 2)), draw()) == [Interval(0.0, 0.0, 0.0)] * 2


def test_blocks_do_not_change_what_is_drawn(monkeypatch: pytest.MonkeyPatch):
    values = draw(2).random((50, 2))
    whole = intervals(values, draw())
    monkeypatch.setattr(module, "CELLS", 50 * 333)
    assert intervals(values, draw()) == whole


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40))
def test_an_interval_lies_around_the_mean_and_turns_with_the_sign_of_the_values(
    values: list[float],
):
    column = np.array(values)[:, None]
    [found], [turned] = intervals(column, draw()), intervals(-column, draw())
    low, high = (-1, 1) if len(values) < 30 else (min(values), max(values))
    assert low - 1e-12 <= found.low <= found.mean + 1e-12
    assert found.mean - 1e-12 <= found.high <= high + 1e-12
    assert (turned.mean, turned.low, turned.high) == pytest.approx(
        (-found.mean, -found.high, -found.low)
    )


def test_one_query_says_nothing_of_others():
    assert intervals(np.array([[0.5, 1.0]]), draw()) == [
        Interval(0.5, -1.0, 1.0),
        Interval(1.0, -1.0, 1.0),
    ]
