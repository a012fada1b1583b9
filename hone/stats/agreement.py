"""Kappa: agreement of two judges beyond chance (Cohen 1960)."""

from __future__ import annotations

import math

import numpy as np

from hone.stats.proportions import NOTHING, Estimate, Z, variance, wilson


def kappa(one: np.ndarray, other: np.ndarray, queries: np.ndarray) -> Estimate:
    """1 - (1 - observed) / (1 - expected), with a confidence interval from its linearized variance,
    summed by query.

    If both agree on every pair, the lower bound is Wilson's for as many queries without a
    difference. With one pair per query, the variance is that of Fleiss, Cohen and Everitt (1969).
    Only the factor n / (n - 1) differs.

    Args:
        one, other: the verdicts on the same pairs, as values that can be compared.
        queries: the query of each pair.

    Returns:
        Kappa. NOTHING if there are no pairs, or if both return the same verdict for all pairs
        (chance alone explains it).
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
    if observed == 1:  # the variance is 0, although the value is not certain
        seen = len(np.unique(queries))
        return Estimate(1.0, 1 - (1 - wilson(seen, seen)[0]) / (1 - expected), 1.0, count)
    of_observed = (first == second) - observed
    of_expected = others[first] + shares[second] - 2 * expected
    moved = of_observed / (1 - expected) - (1 - observed) / (1 - expected) ** 2 * of_expected
    half = Z * math.sqrt(min(variance(moved, queries), 4.0 * count**2)) / count
    return Estimate(found, max(-1.0, found - half), min(1.0, found + half), count)
