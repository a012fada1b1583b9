"""Proportions and means with intervals that account for correlated pairs of one query."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

Z = 1.959964  # of the normal distribution, for 95 %


@dataclass(frozen=True)
class Estimate:
    """An estimate with its 95 % interval and its number of observations. Null if it cannot be
    estimated.
    """

    estimate: float | None
    low: float | None
    high: float | None
    count: int

    def plain(self) -> dict:
        """The JSON form."""
        return asdict(self)


NOTHING = Estimate(None, None, None, 0)


def wilson(hits: float, count: float, z: float = Z) -> tuple[float, float]:
    """Wilson's score interval of a proportion (1927). All of [0, 1] without observations.

    Args:
        hits, count: successes and observations. Weighted counts need not be whole numbers.
        z: quantile of the normal distribution. 1.96 is 95 %.
    """
    if count <= 0:
        return 0.0, 1.0
    share, spread = hits / count, z * z / count
    centre = (share + spread / 2) / (1 + spread)
    half = (
        z * math.sqrt(max(share * (1 - share), 0.0) / count + spread / (4 * count)) / (1 + spread)
    )
    return max(0.0, centre - half), min(1.0, centre + half)


def exact(hits: float, count: float) -> tuple[float, float]:
    """The 95 % interval of a proportion by Clopper and Pearson (1934). All of [0, 1] without
    observations.

    Its coverage is guaranteed for `count` independent observations with the same probability.

    Args:
        hits, count: successes and observations. They need not be whole if weighted (Korn and
            Graubard 1998), but then without a guarantee.
    """
    from scipy.special import betaincinv

    if count <= 0:
        return 0.0, 1.0
    low = float(betaincinv(hits, count - hits + 1, 0.025)) if hits > 0 else 0.0
    return low, float(betaincinv(hits + 1, count - hits, 0.975)) if count > hits else 1.0


def share(
    hits: np.ndarray,
    queries: np.ndarray,
    weights: np.ndarray | None = None,
    sampled: float = 0.0,
    interval: Callable[[float, float], tuple[float, float]] = wilson,
) -> Estimate:
    """The proportion of hits, with Wilson's interval at the effective sample size.

    The effective size is the smallest of Kish's (sum w)^2 / sum w^2, the size implied by the
    variance between queries (Korn and Graubard 1998), and, if all observations agree, the number of
    queries.

    Args:
        hits: true or false, one each.
        queries: the query of each pair. Pairs of one query are sampled together.
        weights: the number of pairs that each represents. Null: equal weights.
        sampled: the fraction of all queries that was observed. Only the rest is uncertain.
        interval: Wilson's, or the exact one for few observations.

    Returns:
        The proportion. NOTHING without observations.
    """
    hits = np.asarray(hits, dtype=float)
    if not len(hits):
        return NOTHING
    weights = np.ones(len(hits)) if weights is None else np.asarray(weights, dtype=float)
    total = float(weights.sum())
    found = float(weights @ hits / total)
    if sampled >= 1:
        return Estimate(found, found, found, len(hits))
    spread = variance(weights * (hits - found), queries) / total**2
    independent = max(
        min(total**2 / float(weights @ weights), number_for(found, spread, queries)), 1.0
    ) / (1 - sampled)
    low, high = interval(found * independent, independent)
    return Estimate(found, min(low, found), max(high, found), len(hits))


def number_for(found: float, spread: float, queries: np.ndarray) -> float:
    """The number of independent observations that would have the variance `spread`."""
    own = found * (1 - found)
    return own / spread if own > 1e-12 and spread > 0 else float(len(np.unique(queries)))


def mean(values: np.ndarray, queries: np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    """The mean of values with a normal interval from the variance between queries. One query has
    no interval.
    """
    values = np.asarray(values, dtype=float)
    if not len(values):
        return NOTHING
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    total = float(weights.sum())
    found = float(weights @ values / total)
    if len(np.unique(queries)) < 2:
        return Estimate(found, None, None, len(values))
    half = Z * math.sqrt(variance(weights * (values - found), queries)) / total
    return Estimate(found, found - half, found + half, len(values))


def variance(deviations: np.ndarray, queries: np.ndarray) -> float:
    """The variance of a sum from deviations with sum 0, with queries as independent units.

    If every pair has its own query, it is n / (n - 1) times the sum of squares. For one query it is
    the largest float, because one query does not generalize.
    """
    _, places = np.unique(queries, return_inverse=True)
    sums = np.bincount(places, weights=deviations)
    if len(sums) < 2:
        return float(np.finfo(float).max) if len(deviations) else 0.0
    return float(len(sums) / (len(sums) - 1) * (sums @ sums))
