"""Thresholds with a guarantee: by hand, and kept as often as promised over many draws."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.stats.risk_control import (
    Pairs,
    count_remaining,
    divergence,
    false_at_most,
    hoeffding_bentkus,
    losing_at_most,
    lost,
)


def pairs(*queries: list[tuple[float, bool]]) -> Pairs:
    rows = [
        (number, value, false)
        for number, of_query in enumerate(queries)
        for value, false in of_query
    ]
    numbers, values, false = zip(*rows, strict=True) if rows else ((), (), ())
    return Pairs(
        np.array(numbers, dtype=int),
        np.array(values, dtype=float),
        np.array(false, dtype=bool),
        len(queries),
    )


def drawn(draw: np.random.Generator, queries: int, candidates: int = 20) -> Pairs:
    """Queries of unlike difficulty; false negatives (one in ten) lie higher than true ones."""
    own = draw.normal(0, 0.08, queries)
    false = draw.random((queries, candidates)) < draw.beta(1, 9, queries)[:, None]
    values = (
        0.8
        + own[:, None]
        + np.where(false, 0.12, 0.0)
        + draw.normal(0, 0.06, (queries, candidates))
    )
    order = np.argsort(-values, axis=1)
    values, false = np.take_along_axis(values, order, 1), np.take_along_axis(false, order, 1)
    return Pairs(np.repeat(np.arange(queries), candidates), values.ravel(), false.ravel(), queries)


THREE = pairs([(0.9, True), (0.8, False), (0.6, False)], [(0.7, False)], [])


def test_what_is_lost_and_kept_by_hand():
    assert lost(THREE, 0.75).tolist() == [0.5, 0.0, 0.0]
    assert lost(THREE, 0.65).tolist() == [0.5, 1.0, 0.0]
    number, false = count_remaining(THREE, 0.95, most=2)
    assert (number.tolist(), false.tolist()) == ([2, 1, 0], [1, 0, 0])
    number, false = count_remaining(THREE, 0.85, most=1)
    assert (number.tolist(), false.tolist()) == ([1, 1, 0], [0, 0, 0])


def test_what_has_no_value_is_removed():
    assert lost(pairs([(math.nan, False), (0.5, False)]), 1.0).tolist() == [0.5]


def test_some_queries_are_numbered_anew():
    part = THREE.of(np.array([2, 1]))
    assert (part.queries.tolist(), part.values.tolist(), part.count) == ([1], [0.7], 2)


def test_the_strictest_threshold_by_hand():
    # At .6 the losses are .5, 1, 0: (1.5 + 1) / 4; at .7: (.5 + 1) / 4 = .375; at .8: (0 + 1) / 4.
    assert losing_at_most(THREE, 0.375, (0.6, 0.7, 0.8)) == 0.7
    assert losing_at_most(THREE, 0.37, (0.6, 0.7, 0.8)) == 0.8
    assert losing_at_most(THREE, 0.2, (0.6, 0.7, 0.8)) is None


def test_the_laxest_threshold_by_hand():
    """Both 0.55 and 0.6 are shown by 1,000 queries that are alike; at 0.9 a third of what is
    kept is false.
    """
    alike = pairs(*[[(0.9, True), (0.6, False), (0.55, False)]] * 1000)
    assert false_at_most(alike, 0.15, 4, grid=(0.55,)) == 0.55
    assert false_at_most(alike, 0.15, 4, grid=(0.55, 0.6, 0.9)) == 0.6
    assert false_at_most(alike, 0.15, 4, grid=(0.9,)) is None


def test_p_values_by_hand():
    assert divergence(0.1, 0.1) == 0
    assert divergence(0.0, 0.5) == pytest.approx(math.log(2))
    # No hit in 10 at a bound of a half: Hoeffding .5 ** 10, Bentkus e * .5 ** 10.
    assert hoeffding_bentkus(0.0, 10, 0.5) == pytest.approx(0.5**10)
    assert hoeffding_bentkus(0.5, 10, 0.5) == 1.0


def test_nothing_is_shown_by_a_handful_of_queries():
    assert false_at_most(drawn(np.random.default_rng(1), 10), 0.05, 4) is None


def test_the_mean_loss_is_at_most_the_promised_one():
    """Over 300 calibrations: the mean loss on a large population is at most what was asked, and
    not far below it.
    """
    population = drawn(np.random.default_rng(0), 20_000)
    lost_of_all = cache(
        lambda threshold: lost(population, threshold).mean()
    )  # few thresholds are ever found
    risks = [
        lost_of_all(losing_at_most(drawn(np.random.default_rng(1000 + seed), 100), 0.1))
        for seed in range(300)
    ]
    error = np.std(risks) / math.sqrt(len(risks))
    assert np.mean(risks) <= 0.1 + 3 * error
    assert np.mean(risks) > 0.05


def test_the_share_of_false_ones_is_exceeded_at_most_at_the_nominal_rate():
    """Of 300 calibrations at most one in ten may find a threshold above whose share of false
    ones is too high.
    """
    population = drawn(np.random.default_rng(0), 20_000)
    wrong = found = 0

    @cache
    def false_of_all(threshold: float) -> float:
        number, false = count_remaining(population, threshold, 4)
        return false.sum() / number.sum()

    for seed in range(300):
        threshold = false_at_most(drawn(np.random.default_rng(2000 + seed), 400), 0.15, 4, risk=0.1)
        if threshold is not None:
            found += 1
            wrong += false_of_all(threshold) > 0.15
    assert found > 250
    assert wrong <= 30


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_a_laxer_threshold_never_loses_more(seed: int, queries: int):
    made = drawn(np.random.default_rng(seed), queries, 6)
    losses = [lost(made, threshold) for threshold in (0.6, 0.7, 0.8, 0.9)]
    assert all((later <= earlier).all() for earlier, later in pairwise(losses))
    number, false = count_remaining(made, 0.8, 3)
    assert (false <= number).all()
    assert (number <= 3).all()
