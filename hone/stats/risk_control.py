"""Thresholds with a guarantee: mean loss (conformal risk control), or false-negative rate of the
rest (Learn then Test).

Both hold for new queries from the distribution of the calibration queries. The unit is the query
with all its pairs.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

GRID = tuple(
    round(0.5 + 0.01 * place, 2) for place in range(51)
)  # thresholds to test: 0.50 to 1.00


@dataclass(frozen=True)
class Pairs:
    """Candidates of calibration queries.

    Attributes:
        queries: the query of each pair, numbered from 0 to count - 1. Each query's best candidates
            come first.
        values: pairs with a value above the threshold are removed. NaN is always removed.
        false: whether it is a false negative (a relevant document).
        count: number of queries. A query without pairs loses nothing and keeps nothing.
    """

    queries: np.ndarray
    values: np.ndarray
    false: np.ndarray
    count: int

    def of(self, chosen: np.ndarray) -> Pairs:
        """The pairs of some queries, renumbered."""
        number = np.full(self.count, -1)
        number[chosen] = np.arange(len(chosen))
        is_chosen = number[self.queries] >= 0
        return Pairs(
            number[self.queries[is_chosen]],
            self.values[is_chosen],
            self.false[is_chosen],
            len(chosen),
        )


def lost(pairs: Pairs, threshold: float) -> np.ndarray:
    """The fraction of each query's true negatives that a threshold removes, [queries]. It falls
    as the threshold rises.
    """
    removed = ~(pairs.values <= threshold) & ~pairs.false
    true = np.bincount(pairs.queries, ~pairs.false, pairs.count)
    return np.bincount(pairs.queries, removed, pairs.count) / np.maximum(true, 1)


def count_remaining(pairs: Pairs, threshold: float, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The number of kept and of false candidates among the first `most` that each query keeps:
    [queries], [queries].
    """
    stays = pairs.values <= threshold
    before = np.cumsum(stays) - stays
    starts = np.searchsorted(pairs.queries, np.arange(pairs.count))
    place = before - np.append(before, 0)[starts][pairs.queries]
    taken = stays & (place < most)
    return np.bincount(pairs.queries, taken, pairs.count), np.bincount(
        pairs.queries, taken & pairs.false, pairs.count
    )


def losing_at_most(pairs: Pairs, share: float, grid: tuple[float, ...] = GRID) -> float | None:
    """The strictest threshold that loses on average at most this fraction of a new query's true
    negatives.

    Conformal risk control (Angelopoulos et al. 2024, arXiv 2208.02814): with n queries the mean
    loss m must satisfy (n m + 1) / (n + 1) <= share, because a loss is at most 1.

    Returns:
        Null if no threshold of the grid qualifies.
    """
    # The loss falls as the threshold rises, so bisection finds the first threshold.
    rising = sorted(grid)
    first = bisect_left(
        rising,
        True,
        key=lambda threshold: (lost(pairs, threshold).sum() + 1) / (pairs.count + 1) <= share,
    )
    return rising[first] if first < len(rising) else None


def false_at_most(
    pairs: Pairs, share: float, most: int, risk: float = 0.1, grid: tuple[float, ...] = GRID
) -> float | None:
    """The least strict threshold for which at most this fraction of the kept pairs is proven to be
    false.

    Learn then Test (Angelopoulos et al. 2021, arXiv 2110.01052): the fraction of false ones need
    not fall as the threshold does. Each threshold is therefore tested, and all tests together have
    an error probability of at most `risk` (Bonferroni). The null hypothesis is that the mean of
    false - share * kept is 0 or more. Its p-value is that of Hoeffding and Bentkus.

    Args:
        pairs: of calibration queries.
        share: maximum fraction of false pairs among the kept ones.
        most: kept candidates of each query.
        risk: error probability of the guarantee.
        grid: thresholds to test.

    Returns:
        Null if no threshold qualifies.
    """
    for threshold in sorted(grid, reverse=True):
        number, false = count_remaining(pairs, threshold, most)
        # false - share * kept lies between -share * most and (1 - share) * most. It is scaled to
        # [0, 1].
        scaled = (false - share * number) / most + share
        if hoeffding_bentkus(float(scaled.mean()), pairs.count, share) <= risk / len(grid):
            return threshold
    return None


def hoeffding_bentkus(mean: float, count: int, bound: float) -> float:
    """A p-value of the hypothesis that the mean is `bound` or more, for `count` independent values
    between 0 and 1.

    The smaller one of Hoeffding's and Bentkus' (2004), as in Bates et al. (2021), arXiv 2101.02703.
    """
    from scipy.special import bdtr

    if mean >= bound:
        return 1.0
    hoeffding = np.exp(-count * divergence(mean, bound))
    return float(
        min(1.0, hoeffding, np.e * bdtr(max(0.0, np.ceil(count * mean - 1e-9)), count, bound))
    )


def divergence(one: float, other: float) -> float:
    """The Kullback-Leibler divergence of two Bernoulli probabilities."""
    left = one * np.log(one / other) if one > 0 else 0.0
    return float(left + ((1 - one) * np.log((1 - one) / (1 - other)) if one < 1 else 0.0))
