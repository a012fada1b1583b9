from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.doubt import intervals as module
from tasks.doubt.intervals import Interval, intervals


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_where_all_queries_agree_the_interval_is_a_point():
    assert intervals(np.full((7, 1), 0.25), draw()) == [Interval(0.25, 0.25, 0.25)]


def test_two_queries_of_which_one_gains():
    # Drawn again, 0 and 1 give the means 0, 0.5 and 1 with 1/4, 1/2 and 1/4: the middle 95 % reach from 0 to 1.
    [found] = intervals(np.array([[0.0], [1.0]]), draw())
    assert found == Interval(0.5, 0.0, 1.0)
    assert not found.beyond_zero


def test_the_interval_of_many_queries_is_that_of_the_normal_distribution():
    # Half of 400 values are 1: the mean's standard error is 0.5 / 20 = 0.025, so the interval is 0.5 -+ 1.96 * 0.025.
    [found] = intervals(np.repeat([0.0, 1.0], 200)[:, None], draw())
    assert found.low == pytest.approx(0.451, abs=0.004)
    assert found.high == pytest.approx(0.549, abs=0.004)


def test_a_paired_difference_is_surer_than_two_scores():
    scores = draw(1).random(200)
    own, other, difference = intervals(np.column_stack([scores, scores - 0.01, np.full(200, 0.01)]), draw())
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


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=30))
def test_an_interval_lies_within_the_values_and_turns_with_their_sign(values: list[float]):
    column = np.array(values)[:, None]
    [found], [turned] = intervals(column, draw()), intervals(-column, draw())
    assert min(values) - 1e-12 <= found.low <= found.high <= max(values) + 1e-12
    assert (turned.mean, turned.low, turned.high) == pytest.approx((-found.mean, -found.high, -found.low))


def test_one_query_says_nothing_of_others():
    assert intervals(np.array([[0.5, 1.0]]), draw()) == [Interval(0.5, -1.0, 1.0), Interval(1.0, -1.0, 1.0)]
