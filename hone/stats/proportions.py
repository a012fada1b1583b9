"""Shares and means with intervals that know that pairs of one query resemble each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

Z = 1.959964  # of the normal distribution, for 95 %


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval, and how many observations it rests on; null where nothing can be said."""

    estimate: float | None
    low: float | None
    high: float | None
    count: int

    def plain(self) -> dict:
        """As JSON holds it."""
        return asdict(self)


NOTHING = Estimate(None, None, None, 0)


def wilson(hits: float, count: float, z: float = Z) -> tuple[float, float]:
    """The interval of a share by Wilson's score (1927); all of [0, 1] for no observation.

    Args:
        hits, count: how many of how many; need not be whole where observations weigh.
        z: quantile of the normal distribution; 1.96 is 95 %.
    """
    if count <= 0:
        return 0.0, 1.0
    share, spread = hits / count, z * z / count
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(max(share * (1 - share), 0.0) / count + spread / (4 * count)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def exact(hits: float, count: float) -> tuple[float, float]:
    """The 95 % interval of a share by Clopper and Pearson (1934); all of [0, 1] for no observation.

    It never falls short of its level where `count` independent observations were made, all with the same chance.

    Args:
        hits, count: how many of how many; need not be whole where observations weigh (Korn and Graubard 1998), but then nothing is proved.
    """
    from scipy.special import betaincinv

    if count <= 0:
        return 0.0, 1.0
    low = float(betaincinv(hits, count - hits + 1, 0.025)) if hits > 0 else 0.0
    return low, float(betaincinv(hits + 1, count - hits, 0.975)) if count > hits else 1.0


def share(
    hits: np.ndarray, queries: np.ndarray, weights: np.ndarray | None = None, sampled: float = 0.0,
    interval: Callable[[float, float], tuple[float, float]] = wilson,
) -> Estimate:  # fmt: skip
    """The share of hits, with Wilson's interval for as many independent observations as there really are.

    That number is the smallest of Kish's (sum w)^2 / sum w^2, what the variance between queries allows (Korn and Graubard
    1998), and, where all observations agree, the number of queries.

    Args:
        hits: true or false, one each.
        queries: whose pair it is; pairs of one query are drawn together.
        weights: how many pairs each stands for; null: all the same.
        sampled: the share of all queries that was looked at; the rest alone is uncertain.
        interval: Wilson's, or the exact one for a few observations.

    Returns:
        The share; NOTHING where there is no observation.
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
    independent = max(min(total**2 / float(weights @ weights), number_for(found, spread, queries)), 1.0) / (1 - sampled)
    low, high = interval(found * independent, independent)
    return Estimate(found, min(low, found), max(high, found), len(hits))


def number_for(found: float, spread: float, queries: np.ndarray) -> float:
    """How many independent observations would have the variance `spread`."""
    own = found * (1 - found)
    return own / spread if own > 1e-12 and spread > 0 else float(len(np.unique(queries)))


def mean(values: np.ndarray, queries: np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    """The mean of any figures with a normal interval from the variance between queries; one query alone gives no interval."""
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
    """The variance of a sum from deviations whose sum is 0, where queries and not pairs are independent.

    With every pair in a query of its own it is n / (n - 1) times the sum of squares. One query alone says nothing of the
    others: the largest float.
    """
    _, places = np.unique(queries, return_inverse=True)
    sums = np.bincount(places, weights=deviations)
    if len(sums) < 2:
        return float(np.finfo(float).max) if len(deviations) else 0.0
    return float(len(sums) / (len(sums) - 1) * (sums @ sums))
