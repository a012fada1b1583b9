"""What one can say of a paired difference, held against answers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.stats.paired_tests import (
    Paired,
    detectable,
    equivalent,
    holm,
    no_worse,
    paired,
    queries_needed,
    randomisation,
)


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_three_queries_by_hand():
    # mean 2, deviation 1, t = 2 / (1 / sqrt 3) = 3.4641 with 2 degrees of freedom: p = 1 - t /
    # sqrt(t^2 + 2) = .0742.
    found = paired(np.array([1.0, 2.0, 3.0]), draw())
    assert (found.queries, found.mean, found.deviation, found.effect) == (3, 2.0, 1.0, 2.0)
    assert found.t == pytest.approx(1 - 3.4641016 / math.sqrt(14), abs=1e-6)
    # Of the eight ways to turn three signs, all plus and all minus are as far from 0.
    assert found.randomisation == 2 / 8


def test_queries_that_do_not_differ_turn_nothing():
    assert randomisation(np.array([0.0, 0.0, 0.5, 0.5]), draw()) == 2 / 4
    nothing = paired(np.zeros(5), draw())
    assert (nothing.randomisation, nothing.t, nothing.effect) == (1.0, 1.0, None)


def test_one_query_and_none_say_nothing():
    assert paired(np.array([0.3]), draw()) == Paired(1, 0.3, None, None, 1.0, None, None)
    assert paired(np.array([]), draw()) == Paired(0, 0.0, None, None, 1.0, None, None)


def test_no_number_is_no_difference():
    with pytest.raises(ValueError, match="is NaN"):
        paired(np.array([0.1, np.nan]), draw())


def test_drawn_and_counted_ways_agree():
    values = draw(1).normal(0.2, 1, 13)
    ways = 1 - 2 * (np.arange(2**13)[:, None] >> np.arange(13) & 1)
    exact = (np.abs(ways @ values) >= abs(values.sum()) - 1e-9).mean()
    assert randomisation(values, draw()) == pytest.approx(exact)
    # One more query that hardly differs is over the bound, so that ways are drawn: p stays within
    # four standard errors.
    drawn = randomisation(np.append(values, 1e-9), draw())
    assert abs(drawn - exact) < 4 * math.sqrt(exact * (1 - exact) / 10_000)
    assert 0 < randomisation(np.ones(100), draw()) < 2e-4


def test_without_a_difference_both_tests_err_at_their_nominal_rate():
    rng = draw(3)
    found = [paired(rng.normal(0, 0.2, 40), rng) for _ in range(400)]
    for name in ("t", "randomisation"):
        share = np.mean([getattr(one, name) < 0.05 for one in found])
        assert abs(share - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 400), name


def test_what_can_be_seen_is_seen_four_times_of_five():
    # methods.md: 1,000 queries of deviation .2 to .25 show .02, and 300 show .04.
    assert detectable(0.225, 1000) == pytest.approx(0.02, abs=0.0005)
    assert detectable(0.225, 300) == pytest.approx(0.036, abs=0.001)
    rng, wanted = draw(4), detectable(0.2, 50)
    seen = np.mean([paired(rng.normal(wanted, 0.2, 50), rng).t < 0.05 for _ in range(300)])
    assert abs(seen - 0.8) < 4 * math.sqrt(0.8 * 0.2 / 300)


def test_no_worse_and_the_same_within_a_margin():
    # mean 0 with a standard error of .1 / sqrt 100 = .01: a margin of .03 lies three errors off,
    # one of .005 half an error.
    sure = paired(np.tile([0.1, -0.1], 50) * math.sqrt(0.99), draw())
    assert no_worse(sure, 0.03) == pytest.approx(0.0017, abs=2e-4)
    assert equivalent(sure, 0.03) == no_worse(sure, 0.03)
    assert equivalent(sure, 0.005) == pytest.approx(0.309, abs=2e-3)
    better = paired(np.tile([0.2, 0.0], 50), draw())
    assert no_worse(better, 0.005) < 1e-9
    assert equivalent(better, 0.005) > 0.99
    assert no_worse(paired(np.array([0.3]), draw()), 0.1) is None


def test_holm_by_hand():
    # .01 * 4, .02 * 3, .03 * 2, .04 * 1; the last two may not be surer than those before them.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_makes_surer_keeps_the_order_and_is_one_at_most(ps: list[float]):
    adjusted = holm(ps)
    assert all(before <= after <= 1 for before, after in zip(ps, adjusted, strict=True))
    assert all(
        (adjusted[one] <= adjusted[other])
        for one in range(len(ps))
        for other in range(len(ps))
        if ps[one] <= ps[other]
    )


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=12))
def test_turning_all_signs_changes_no_p(values: list[float]):
    one, other = paired(np.array(values), draw()), paired(-np.array(values), draw())
    assert one.randomisation == other.randomisation
    assert one.t == pytest.approx(other.t) if one.t is not None else other.t is None


def test_where_nothing_varies_there_is_no_t_and_nothing_to_detect():
    gained = paired(np.full(10, 0.2), draw())
    assert (gained.t, gained.detectable, gained.effect) == (None, None, None)
    assert paired(np.zeros(10), draw()).t == 1.0


def test_how_many_queries_detect_an_effect():
    """(1.96 + .8416) ** 2 * (.2 / .01) ** 2 is 3,140; quantiles of t ask for two more."""
    needed = queries_needed(0.2, 0.01)
    assert needed == 3142
    assert detectable(0.2, needed) <= 0.01 < detectable(0.2, needed - 1)
    assert queries_needed(0.2, 0.01, most=3000) is None
    assert queries_needed(1e-9, 0.5) == 2
