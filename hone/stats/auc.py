"""AUC: how often an answer scores above another document (Mann and Whitney 1947), with its interval."""

from __future__ import annotations

import math

import numpy as np

from hone.stats.proportions import NOTHING, Estimate, Z, wilson

TINY = 1e-12  # a variance that is 0 but for rounding


def auc(scores: np.ndarray, positive: np.ndarray, queries: np.ndarray | None = None) -> Estimate:
    """The chance that a positive scores above a negative; ties count a half.

    The variance is DeLong's (1988), for pairs of one query Obuchowski's (1997), which is the same where each pair has a
    query of its own. The interval is symmetric in the logit (Pepe 2003), so that it stays between 0 and 1. Where that
    variance is 0, though nobody can be so sure, there are as many independent observations as the smaller class has
    pairs, or as there are queries: the bound is exact where every pair is ordered right, or every one wrong, and
    Wilson's where all pairs tie.

    Args:
        scores: larger is more like an answer.
        positive: true for answers.
        queries: whose pair it is; null: all are independent.

    Returns:
        AUC; NOTHING where a class is missing: positives alone cannot show whether a judge tells others apart.
    """
    scores, positive = np.asarray(scores, dtype=float), np.asarray(positive, dtype=bool)
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return NOTHING
    above, below = placements(scores[positive], scores[~positive])
    found = float(above.mean())
    names = np.arange(len(scores)) if queries is None else np.unique(queries, return_inverse=True)[1]
    if not names.any():
        return Estimate(found, 0.0, 1.0, len(scores))  # one query says nothing of others
    fewest = min(count, others, int(names.max()) + 1)
    if found in (0.0, 1.0):
        bound = 0.025 ** (1 / fewest)
        low, high = (bound, 1.0) if found else (0.0, 1 - bound)
        return Estimate(found, low, high, len(scores))
    spread = variance(above - found, below - found, names[positive], names[~positive])
    if spread < TINY:
        return Estimate(found, *wilson(found * fewest, fewest), len(scores))
    half = Z * math.sqrt(spread) / (found * (1 - found))
    centre = math.log(found / (1 - found))
    return Estimate(found, _logistic(centre - half), _logistic(centre + half), len(scores))


def placements(positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each positive the share of negatives below it, for each negative the share of positives above it; ties count a half."""
    ordered, ranked = np.sort(negative), np.sort(positive)
    above = (np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")) / (2 * len(negative))
    below = 1 - (np.searchsorted(ranked, negative, "left") + np.searchsorted(ranked, negative, "right")) / (2 * len(positive))
    return above, below


def variance(above: np.ndarray, below: np.ndarray, of_positive: np.ndarray, of_negative: np.ndarray) -> float:
    """Obuchowski's variance of AUC from the placements' deviations and the numbers of their queries."""
    size = int(max(of_positive.max(), of_negative.max())) + 1
    first, second = np.bincount(of_positive, above, size), np.bincount(of_negative, below, size)
    rows, columns = len(above), len(below)
    return (
        _unbiased(np.unique(of_positive)) * (first @ first) / rows**2
        + _unbiased(np.unique(of_negative)) * (second @ second) / columns**2
        + 2 * _unbiased(np.union1d(of_positive, of_negative)) * (first @ second) / (rows * columns)
    )


def _unbiased(queries: np.ndarray) -> float:
    return len(queries) / (len(queries) - 1) if len(queries) > 1 else 1.0


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
