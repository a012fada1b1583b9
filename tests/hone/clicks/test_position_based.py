"""The position-based click model: a step by hand, simulated propensities, and invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.clicks.position_based import (
    QUANTILE,
    Parameters,
    Prior,
    Shown,
    attractiveness_bounds,
    fit,
    harvest,
    log_posterior,
    step,
)


def shown(*rows: tuple[int, int, int, int]) -> Shown:
    """Rows of pair, position, impressions and clicks."""
    pair, position, impressions, clicks = np.array(rows, dtype=np.int64).T
    positions, place = np.unique(position, return_inverse=True)
    return Shown(pair, place, impressions.astype(float), clicks.astype(float), positions)


TWO = shown((0, 1, 10, 4), (0, 2, 10, 2), (1, 2, 5, 1))
RATES = np.array([0.2, 0.2])
START = Parameters(np.array([0.5, 0.5]), np.array([1.0, 0.5]))


def test_a_step_worked_by_hand():
    """At position 2, 1 - theta alpha = 0.75. An impression without a click was attractive and
    unseen with 0.25 / 0.75, and seen and unattractive with as much.
    """
    found = step(TWO, START, Prior(0.0, RATES))
    assert found.alpha == pytest.approx([(4 + 2 + 8 / 3) / 20, (1 + 4 / 3) / 5])
    assert found.theta == pytest.approx([1.0, (2 + 8 / 3 + 1 + 4 / 3) / 15])
    found = step(TWO, START, Prior(1.0, RATES))
    assert found.alpha == pytest.approx([(4 + 2 + 8 / 3 + 0.2) / 21, (1 + 4 / 3 + 0.2) / 6])


def test_the_objective_worked_by_hand():
    """Clicks at position 1 have probability 0.5, and at position 2 0.25."""
    expected = 10 * np.log(0.5) + 3 * np.log(0.25) + 12 * np.log(0.75) + 2 * np.log(0.5)
    assert log_posterior(TWO, START, Prior(1.0, RATES)) == pytest.approx(expected)


def simulate(
    searches: int, power: float, noise: float = 1.5
) -> tuple[Shown, np.ndarray, np.ndarray]:
    """1,000 queries with ten documents, ranked in each search by their attractiveness and noise.
    theta_k = 1 / k^power.

    Returns:
        The log, and the true propensities and attractiveness.
    """
    draw = np.random.default_rng(3)
    queries, places = 1_000, 10
    theta = 1 / np.arange(1, places + 1) ** power
    alpha = draw.beta(1, 4, size=(queries, places))
    merit = np.log(alpha / (1 - alpha))
    seen, clicked = np.zeros((2, queries, places, places))
    rows = np.arange(queries)
    for _ in range(searches):
        order = np.argsort(-(merit + noise * draw.gumbel(size=merit.shape)), axis=1)
        for place in range(places):
            document = order[:, place]
            seen[rows, document, place] += 1
            clicks = draw.random(queries) < theta[place] * alpha[rows, document]
            clicked[rows, document, place] += clicks
    query, document, place = np.nonzero(seen)
    return (
        Shown(
            query * places + document,
            place,
            seen[query, document, place],
            clicked[query, document, place],
            np.arange(places) + 1,
        ),
        theta,
        alpha.ravel(),
    )


@pytest.mark.parametrize("power", [0.5, 1.0])
@pytest.mark.parametrize("searches", [5, 50])
def test_simulated_propensities_are_found_although_better_documents_rank_higher(
    power: float, searches: int
):
    log, theta, alpha = simulate(searches, power)
    found = fit(log)
    assert found.converged
    assert found.linked.all()
    assert found.parameters.theta == pytest.approx(theta, abs=0.04 if searches == 50 else 0.08)
    rates = log.by_pair(log.clicks) / log.by_pair(log.impressions)
    right = np.corrcoef(found.parameters.alpha, alpha)[0, 1]
    assert right > np.corrcoef(rates, alpha)[0, 1] - 0.02
    assert right > (0.85 if searches == 50 else 0.5)
    low, high = attractiveness_bounds(log, theta)
    inside = ((low <= alpha) & (alpha <= high)).mean()
    assert 0.93 <= inside <= 0.99


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_joint_estimates_find_simulated_propensities_of_many_impressions(power: float):
    """300 documents with 3,000 impressions each, at random positions."""
    draw = np.random.default_rng(7)
    theta, alpha = 1 / np.arange(1, 11) ** power, draw.beta(1.5, 4, size=300)
    share = draw.dirichlet(np.ones(10), size=300)
    times = np.stack([draw.multinomial(3_000, one) for one in share])
    clicks = draw.binomial(times, alpha[:, None] * theta)
    pair, place = np.nonzero(times)
    log = Shown(pair, place, times[pair, place] * 1.0, clicks[pair, place] * 1.0, np.arange(10) + 1)
    found = fit(log, joint=True)
    assert found.converged
    assert found.parameters.theta == pytest.approx(theta, abs=0.02)
    assert np.corrcoef(found.parameters.alpha, alpha)[0, 1] > 0.98


def test_harvested_propensities_worked_by_hand():
    """Pair 0: 10 and 5 impressions, 6 and 2 clicks. Pair 1: 4 and 4, 2 and 1. Pair 2: one position.

    theta_2 = (2 * 10 / 15 + 1 * 4 / 8) / (6 * 5 / 15 + 2 * 4 / 8) = (11 / 6) / 3
    """
    log = shown((0, 1, 10, 6), (0, 2, 5, 2), (1, 1, 4, 2), (1, 2, 4, 1), (2, 2, 9, 9))
    theta, linked = harvest(log)
    assert theta == pytest.approx([1.0, 11 / 18])
    assert linked.all()


def test_ratios_of_three_positions_are_weighed():
    """Ratios 1/2 from 1 to 2, 1/2 from 2 to 3, each of one pair: theta_3 is 1/4."""
    log = shown((0, 1, 8, 4), (0, 2, 8, 2), (1, 2, 8, 4), (1, 3, 8, 2))
    assert harvest(log)[0] == pytest.approx([1.0, 0.5, 0.25])


def test_ranking_by_click_rate_is_biased_and_by_attractiveness_is_not():
    """The same attractiveness at positions 1 and 5: the click rates differ by a factor of 5."""
    alike = shown((0, 1, 1_000, 500), (1, 5, 1_000, 100), (2, 1, 1_000, 500), (2, 5, 1_000, 100))
    for joint in (False, True):
        found = fit(alike, joint=joint)
        assert found.parameters.theta == pytest.approx([1.0, 0.2], abs=0.01)
        assert found.parameters.alpha == pytest.approx([0.5, 0.5, 0.5], abs=0.01)


LOGS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 6), st.integers(1, 50), st.floats(0, 1)).map(
        lambda row: (*row[:3], round(row[2] * row[3]))
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda row: row[:2],
)


def renumbered(rows: list[tuple[int, int, int, int]]) -> Shown:
    """Rows whose pairs have consecutive numbers."""
    numbers = {pair: place for place, pair in enumerate(sorted({row[0] for row in rows}))}
    return shown(*((numbers[pair], *row) for pair, *row in rows))


@given(rows=LOGS, smoothing=st.sampled_from([0.1, 1.0, 10.0]), joint=st.booleans())
def test_the_objective_never_decreases_and_parameters_are_probabilities(
    rows: list[tuple[int, int, int, int]], smoothing: float, joint: bool
):
    log = renumbered(rows)
    found = fit(log, smoothing=smoothing, iterations=50, joint=joint)
    gains = np.diff(found.likelihoods)
    assert (gains >= -1e-9 * np.abs(found.likelihoods[0])).all()
    assert found.parameters.theta[0] == 1.0
    for values in (found.parameters.alpha, found.parameters.theta):
        assert ((values >= 0) & (values <= 1)).all()


@given(rows=LOGS)
def test_the_order_of_rows_does_not_matter(rows: list[tuple[int, int, int, int]]):
    one, other = (fit(renumbered(part), iterations=20) for part in (rows, rows[::-1]))
    assert one.parameters.theta == pytest.approx(other.parameters.theta)
    assert one.parameters.alpha == pytest.approx(other.parameters.alpha)


@given(clicks=st.integers(0, 40), more=st.integers(0, 40), theta=st.floats(0.05, 1))
def test_bounds_contain_the_estimate_and_have_its_likelihood_ratio(
    clicks: int, more: int, theta: float
):
    impressions = clicks + more + 1
    log = shown((0, 1, impressions, clicks))
    low, high = (float(bound[0]) for bound in attractiveness_bounds(log, np.array([theta])))
    best = min(clicks / impressions / theta, 1.0)
    assert low <= best + 1e-6
    assert best - 1e-6 <= high <= 1
    if clicks and best < 1:

        def likelihood(alpha: float) -> float:
            chance = theta * alpha
            return clicks * np.log(chance) + (impressions - clicks) * np.log(1 - chance)

        assert 2 * (likelihood(best) - likelihood(low)) == pytest.approx(QUANTILE, abs=1e-3)
    if not clicks:
        assert low == 0


def test_positions_without_a_shared_document_are_not_linked():
    """Pair 0 links positions 1 and 2, pair 1 links 3 and 4, and pair 2 is shown at 5 alone. The
    propensity of 3 is then its click rate, relative to position 1.
    """
    log = shown((0, 1, 5, 2), (0, 2, 5, 1), (1, 3, 5, 1), (1, 4, 5, 1), (2, 5, 5, 1))
    theta, linked = harvest(log)
    assert linked.tolist() == [True, True, False, False, False]
    assert theta[2] == pytest.approx(0.5)


def test_a_shared_document_without_clicks_links_nothing():
    log = shown((0, 1, 5, 2), (1, 1, 5, 0), (1, 2, 5, 0))
    assert harvest(log)[1].tolist() == [True, False]


def test_a_log_without_rows():
    empty = np.zeros(0)
    log = Shown(empty.astype(int), empty.astype(int), empty, empty, empty.astype(int))
    found = fit(log)
    assert found.converged
    assert len(found.parameters.alpha) == len(found.parameters.theta) == len(found.linked) == 0
