"""AUC: probability that a relevant document scores above another document (Mann and Whitney
1947), with its interval.
"""

from __future__ import annotations

import math

import numpy as np

from hone.stats.proportions import NOTHING, Estimate, Z, wilson

TINY = 1e-12  # a variance that is 0 except for rounding


def auc(scores: np.ndarray, positive: np.ndarray, queries: np.ndarray | None = None) -> Estimate:
    """The probability that a positive scores above a negative. Ties count a half.

    The variance is DeLong's (1988). For several pairs per query it is Obuchowski's (1997), which is
    identical if each pair has its own query. The interval is symmetric in the logit (Pepe 2003), so
    it stays between 0 and 1. If the variance is 0, the value is still uncertain. The number of
    independent observations is then the pair count of the smaller class, or the number of queries.
    The bound is exact if all pairs are ordered correctly or all incorrectly, and Wilson's if all
    pairs tie.

    Args:
        scores: higher means more likely relevant.
        positive: true for relevant documents.
        queries: the query of each pair. Null: all pairs are independent.

    Returns:
        AUC. NOTHING if a class is missing: positives alone cannot show whether a judge separates
            the classes.
    """
    scores, positive = np.asarray(scores, dtype=float), np.asarray(positive, dtype=bool)
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return NOTHING
    above, below = placements(scores[positive], scores[~positive])
    found = float(above.mean())
    names = (
        np.arange(len(scores)) if queries is None else np.unique(queries, return_inverse=True)[1]
    )
    if not names.any():
        return Estimate(found, 0.0, 1.0, len(scores))  # one query does not generalize
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
    """For each positive the fraction of negatives below it, for each negative the fraction of
    positives above it. Ties count a half.
    """
    ordered, ranked = np.sort(negative), np.sort(positive)
    above = (
        np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    ) / (2 * len(negative))
    below = 1 - (
        np.searchsorted(ranked, negative, "left") + np.searchsorted(ranked, negative, "right")
    ) / (2 * len(positive))
    return above, below


def variance(
    above: np.ndarray, below: np.ndarray, of_positive: np.ndarray, of_negative: np.ndarray
) -> float:
    """Obuchowski's variance of AUC from the deviations of the placements and their query
    numbers.
    """
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
