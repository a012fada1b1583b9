"""Kappa: how far two judges agree beyond chance (Cohen 1960)."""

from __future__ import annotations

import math

import numpy as np

from hone.stats.proportions import NOTHING, Estimate, Z, variance, wilson


def kappa(one: np.ndarray, other: np.ndarray, queries: np.ndarray) -> Estimate:
    """1 - (1 - observed) / (1 - expected), with the interval of its linearised variance, summed by query.

    Where both agree on every pair, the lower bound is that of Wilson's for so many queries without a difference.
    With one pair a query that variance is Fleiss', Cohen's and Everitt's (1969), but for n / (n - 1).

    Args:
        one, other: what each says of the same pairs; any values that can be equal.
        queries: whose pair it is.

    Returns:
        Kappa; NOTHING where no pair is there, or both say one and the same of all pairs (chance alone explains it).
    """
    one, other = np.asarray(one), np.asarray(other)
    count = len(one)
    values, places = np.unique(np.concatenate([one, other]), return_inverse=True)
    first, second = places[:count], places[count:]
    if len(values) < 2:
        return NOTHING
    shares = np.bincount(first, minlength=len(values)) / count
    others = np.bincount(second, minlength=len(values)) / count
    observed, expected = float((first == second).mean()), float(shares @ others)
    found = 1 - (1 - observed) / (1 - expected)
    if observed == 1:  # the variance is 0, though nobody can be so sure
        seen = len(np.unique(queries))
        return Estimate(1.0, 1 - (1 - wilson(seen, seen)[0]) / (1 - expected), 1.0, count)
    of_observed = (first == second) - observed
    of_expected = others[first] + shares[second] - 2 * expected
    moved = of_observed / (1 - expected) - (1 - observed) / (1 - expected) ** 2 * of_expected
    half = Z * math.sqrt(min(variance(moved, queries), 4.0 * count**2)) / count
    return Estimate(found, max(-1.0, found - half), min(1.0, found + half), count)
