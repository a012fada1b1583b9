"""Wilson's interval for many pairs, and grades by thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.clicks.click_rates import grade_bounds, wilson_bounds
from hone.stats.proportions import wilson


@given(rows=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=20))
def test_bounds_are_those_of_single_proportions(rows: list[tuple[int, int]]):
    clicks, more = np.array(rows).T
    low, high = wilson_bounds(clicks, clicks + more)
    expected = [wilson(one, one + other) for one, other in rows]
    assert low == pytest.approx([one for one, _ in expected])
    assert high == pytest.approx([one for _, one in expected])


def test_bounds_worked_by_hand():
    """With z = 2, 2 of 4: centre (0.5 + 0.5) / 2, half width 2 sqrt(1/16 + 1/16) / 2."""
    low, high = wilson_bounds(np.array([2]), np.array([4]), z=2.0)
    assert low == pytest.approx([0.5 - np.sqrt(0.125)])
    assert high == pytest.approx([0.5 + np.sqrt(0.125)])


def test_a_grade_is_the_number_of_thresholds_reached():
    low = np.array([0.0, 0.0499, 0.05, 0.1, 0.15, 0.3, 1.0])
    assert grade_bounds(low, [0.05, 0.15, 0.3]).tolist() == [0, 0, 1, 1, 2, 3, 3]
