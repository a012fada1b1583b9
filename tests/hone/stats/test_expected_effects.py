"""The minimum detectable effect that is expected before training, by hand."""

from __future__ import annotations

import math

import pytest

from hone.stats.expected_effects import detectable_effects


def test_minimum_detectable_effects():
    """(t(0.975, 99) + t(0.8, 99)) / sqrt(100) = (1.98422 + 0.84528) / 10, times the deviation."""
    base, rounds = detectable_effects(100)
    assert base == pytest.approx(0.28 * 0.28295, rel=1e-3)
    assert rounds == pytest.approx(0.12 * 0.28295, rel=1e-3)


def test_one_query_detects_nothing():
    assert detectable_effects(1) == detectable_effects(0) == (math.inf, math.inf)


def test_more_queries_detect_smaller_effects():
    sizes = [detectable_effects(count) for count in (2, 10, 100, 1_149)]
    assert sizes == sorted(sizes, reverse=True)
    assert all(base > rounds for base, rounds in sizes)
