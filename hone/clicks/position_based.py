"""The position-based click model, estimated by expectation maximization.

    P(click on d for q at position k) = theta_k alpha_qd

theta_k is the probability that a user looks at position k (its propensity), and alpha_qd that the
document attracts a click when it is seen. Sources: Craswell et al., "An experimental comparison of
click position-bias models" (2008), and Chuklin, Markov and de Rijke, "Click Models for Web Search"
(2015), section 4.3 for the steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

TINY = 1e-12
SMOOTHING = 3.0  # strength of the prior, in impressions [Hone default]
LEAST = 1e-3  # of start values and propensities
BISECTIONS = 30  # of a bound, to 1e-9
QUANTILE = 3.841459  # of the chi-squared distribution with one degree of freedom, for 95 %


@dataclass(frozen=True)
class Shown:
    """Impressions and clicks of each pair at each position.

    Attributes:
        pair: [n], the number of the pair, from 0.
        place: [n], the row of `positions`.
        impressions, clicks: [n]. Each impression has at most one click.
        positions: [K], ascending positions. The first one is the reference.
    """

    pair: np.ndarray
    place: np.ndarray
    impressions: np.ndarray
    clicks: np.ndarray
    positions: np.ndarray

    @property
    def pairs(self) -> int:
        """The number of pairs."""
        return int(self.pair.max()) + 1 if len(self.pair) else 0

    def by_pair(self, values: np.ndarray) -> np.ndarray:
        """Sums of [n] values over each pair: [pairs]."""
        return np.bincount(self.pair, weights=values, minlength=self.pairs)

    def by_position(self, values: np.ndarray) -> np.ndarray:
        """Sums of [n] values over each position: [K]."""
        return np.bincount(self.place, weights=values, minlength=len(self.positions))


@dataclass(frozen=True)
class Parameters:
    """Attractiveness [pairs] and propensities [K] of the model."""

    alpha: np.ndarray
    theta: np.ndarray


@dataclass(frozen=True)
class Prior:
    """Imagined impressions of every pair at the reference position, with the click rates `rates`
    [pairs].

    They keep the attractiveness of pairs with few impressions away from 0 and 1.
    """

    strength: float
    rates: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """An estimated model.

    Attributes:
        parameters: the last ones.
        likelihoods: the objective (`log_posterior`) before each step, and after the last. They
            never decrease.
        converged: whether the last step was small enough.
        linked: [K], whether pairs connect the position with the reference (`harvest`).
    """

    parameters: Parameters
    likelihoods: list[float]
    converged: bool
    linked: np.ndarray


def fit(
    shown: Shown,
    *,
    joint: bool = False,
    smoothing: float = SMOOTHING,
    tolerance: float = 1e-5,
    iterations: int = 1_000,
) -> Fitted:
    """Estimate the model.

    The product theta alpha stays the same if all theta are divided by a number and all alpha
    multiplied by it. Hone therefore fixes theta of the first position at 1. All other propensities
    are relative to it. They are only identified for positions that `harvest` can link.

    Propensities are those of `harvest`, and the steps estimate the attractiveness. If `joint`, the
    steps estimate both. With few impressions per pair, joint estimates are biased: each pair has
    its own parameter, and better documents are shown at better positions. In simulations with 3 to
    50 searches per query, harvested propensities were closer to the true ones.

    The start is deterministic (`start`). The estimate has converged if the last step changed no
    propensity, and the attractiveness on average, by more than `tolerance`.

    Args:
        shown: impressions and clicks.
        joint: whether the steps estimate the propensities too.
        smoothing: the strength of the prior, in impressions.
        tolerance: see above.
        iterations: the maximum number of steps.
    """
    theta, linked = harvest(shown)
    parameters, prior = start(shown, theta, smoothing)
    likelihoods, converged = [log_posterior(shown, parameters, prior)], not len(shown.pair)
    while not converged and len(likelihoods) <= iterations:
        after = step(shown, parameters, prior)
        if not joint:
            after = Parameters(after.alpha, theta)
        likelihoods.append(log_posterior(shown, after, prior))
        change = np.abs(after.theta - parameters.theta).max()
        converged = max(change, np.abs(after.alpha - parameters.alpha).mean()) <= tolerance
        parameters = after
    return Fitted(parameters, likelihoods, bool(converged), linked)


def start(shown: Shown, theta: np.ndarray, smoothing: float) -> tuple[Parameters, Prior]:
    """The start values, and the prior, whose rates never change.

    A pair's prior rate is the mean attractiveness of the documents at its positions, because better
    documents are shown at better positions:

        r_qd = sum_k n_qdk m_k / sum_k n_qdk,  m_k = click rate of position k / theta_k

    The start of alpha_qd is (sum_k c + s r) / (sum_k n theta_k + s), with the strength s.

    Args:
        shown: impressions and clicks.
        theta: propensities [K].
        smoothing: the strength of the prior.
    """
    rates = shown.by_position(shown.clicks) / np.maximum(shown.by_position(shown.impressions), 1)
    means = np.clip(rates / np.maximum(theta, LEAST), LEAST, 1 - LEAST)
    of_pairs = shown.by_pair(shown.impressions)
    prior = shown.by_pair(shown.impressions * means[shown.place]) / np.maximum(of_pairs, TINY)
    expected = shown.by_pair(shown.impressions * theta[shown.place])
    alpha = (shown.by_pair(shown.clicks) + smoothing * prior) / (expected + smoothing)
    return Parameters(np.clip(alpha, LEAST, 1 - LEAST), theta), Prior(smoothing, prior)


def step(shown: Shown, before: Parameters, prior: Prior) -> Parameters:
    """One step. For an impression without a click, the expectation is

        P(attractive, unseen) = alpha (1 - theta) / (1 - theta alpha)
        P(seen, unattractive) = theta (1 - alpha) / (1 - theta alpha)

    and the maximization, over n impressions with c clicks, with s = strength and r = rates of the
    prior,

        alpha_qd = (sum_k [c + (n - c) P(attractive, unseen)] + s r) / (sum_k n + s)
        theta_k = sum_qd [c + (n - c) P(seen, unattractive)] / sum_qd n,  theta of the first: 1
    """
    alpha, theta = before.alpha[shown.pair], before.theta[shown.place]
    unclicked = (shown.impressions - shown.clicks) / np.maximum(1 - theta * alpha, TINY)
    attractive = shown.by_pair(shown.clicks + unclicked * alpha * (1 - theta))
    seen = shown.by_position(shown.clicks + unclicked * theta * (1 - alpha))
    of_pairs, of_positions = (
        shown.by_pair(shown.impressions),
        shown.by_position(shown.impressions),
    )
    alpha = (attractive + prior.strength * prior.rates) / np.maximum(
        of_pairs + prior.strength, TINY
    )
    # Rounding may exceed 1.
    after = Parameters(
        np.minimum(alpha, 1.0), np.minimum(seen / np.maximum(of_positions, TINY), 1.0)
    )
    after.theta[:1] = 1.0
    return after


def log_posterior(shown: Shown, parameters: Parameters, prior: Prior) -> float:
    """The objective: log-likelihood of the clicks, and of the prior's imagined impressions.

    sum c log(theta alpha) + (n - c) log(1 - theta alpha)
      + s sum_qd [r log(alpha) + (1 - r) log(1 - alpha)]
    """
    clicked = parameters.theta[shown.place] * parameters.alpha[shown.pair]
    missed = shown.impressions - shown.clicks
    found = _weighted_log(shown.clicks, clicked) + _weighted_log(missed, 1 - clicked)
    alpha, share = parameters.alpha, np.full(shown.pairs, prior.strength)
    imagined = _weighted_log(share * prior.rates, alpha) + _weighted_log(
        share * (1 - prior.rates), 1 - alpha
    )
    return float(found.sum() + imagined.sum())


def attractiveness_bounds(shown: Shown, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % likelihood-ratio interval of each pair's attractiveness, with known propensities.

    It has all alpha with 2 (L(best) - L(alpha)) <= 3.84, where L is the log-likelihood of the
    pair without the prior. L is concave, so each bound is found by bisection. A pair without clicks
    has the lower bound 0.

    Args:
        shown: impressions and clicks.
        theta: propensities [K].

    Returns:
        Lower and upper bounds [pairs].
    """
    seen = theta[shown.place]

    def likelihood(alpha: np.ndarray) -> np.ndarray:
        clicked = seen * alpha[shown.pair]
        missed = shown.impressions - shown.clicks
        return shown.by_pair(
            _weighted_log(shown.clicks, clicked) + _weighted_log(missed, 1 - clicked)
        )

    def rises(alpha: np.ndarray) -> np.ndarray:
        clicked = seen * alpha[shown.pair]
        missed = (shown.impressions - shown.clicks) * seen / np.maximum(1 - clicked, TINY)
        return shown.by_pair(shown.clicks) / np.maximum(alpha, TINY) > shown.by_pair(missed)

    nothing, all_of_it = np.zeros(shown.pairs), np.ones(shown.pairs)
    best = _bisect(nothing, all_of_it, rises)
    least = likelihood(best) - QUANTILE / 2
    low = _bisect(nothing, best, lambda alpha: likelihood(alpha) < least)
    high = _bisect(best, all_of_it, lambda alpha: likelihood(alpha) >= least)
    return np.where(shown.by_pair(shown.clicks) > 0, low, 0.0), high


def harvest(shown: Shown) -> tuple[np.ndarray, np.ndarray]:
    """Propensities from documents that were shown at several positions (intervention harvesting;
    Agarwal et al., "Estimating Position Bias without Intrusive Interventions", 2019).

    For two positions, a pair shown n times at k and m times at l, with c and e clicks, gives the
    ratio of Mantel and Haenszel (1959), which needs no attractiveness, however few impressions
    each pair has:

        theta_l / theta_k = sum_qd e n / (n + m)  /  sum_qd c m / (n + m)

    Each pair contributes its neighboring positions. The logarithms of theta are the weighted least
    squares solution of all ratios, with the harmonic mean of numerator and denominator as weight.
    The first position has theta 1.

    Args:
        shown: impressions and clicks.

    Returns:
        Propensities [K] from LEAST to 1, and whether ratios link each position with the first one
        [K]. The propensity of another position is its click rate divided by that of the first.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(shown.positions)
    if not count:
        return np.ones(0), np.zeros(0, dtype=bool)
    order = np.lexsort((shown.place, shown.pair))
    pair, place, seen, clicked = (
        values[order] for values in (shown.pair, shown.place, shown.impressions, shown.clicks)
    )
    same = pair[1:] == pair[:-1]
    upper, lower = place[:-1][same], place[1:][same]
    n, m, c, e = seen[:-1][same], seen[1:][same], clicked[:-1][same], clicked[1:][same]
    edge = upper * count + lower
    above = np.bincount(edge, weights=e * n / (n + m), minlength=count * count)
    below = np.bincount(edge, weights=c * m / (n + m), minlength=count * count)
    edges = np.flatnonzero((above > 0) & (below > 0))
    upper, lower = edges // count, edges % count
    ratios, weights = np.log(above[edges] / below[edges]), 1 / (1 / above[edges] + 1 / below[edges])
    graph = coo_array((np.ones(len(edges)), (upper, lower)), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    linked = group == group[0]
    logs = _solve_ratios(count, upper, lower, ratios, weights)
    rates = shown.by_position(shown.clicks) / np.maximum(shown.by_position(shown.impressions), 1)
    guess = rates / rates[0] if rates[0] > 0 else np.ones(count)
    theta = np.clip(np.where(linked, np.exp(logs), guess), LEAST, 1.0)
    theta[0] = 1.0
    return theta, linked


def _solve_ratios(
    count: int, upper: np.ndarray, lower: np.ndarray, ratios: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The x [count] with x_0 = 0 that minimizes sum w (x_lower - x_upper - ratio)^2."""
    matrix, right = np.zeros((count, count)), np.zeros(count)
    for one, other, sign in (
        (upper, upper, 1),
        (lower, lower, 1),
        (upper, lower, -1),
        (lower, upper, -1),
    ):
        np.add.at(matrix, (one, other), sign * weights)
    np.add.at(right, lower, weights * ratios)
    np.add.at(right, upper, -weights * ratios)
    solution = np.linalg.lstsq(matrix[1:, 1:], right[1:], rcond=None)[0]
    return np.concatenate([[0.0], solution])


def _bisect(
    low: np.ndarray, high: np.ndarray, is_below: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Where `is_below` turns false, between `low` and `high`, for every pair."""
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        below = is_below(middle)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def _weighted_log(count: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """count log(probability), and 0 where the count is 0."""
    return np.where(count > 0, count * np.log(np.maximum(probability, TINY)), 0.0)
