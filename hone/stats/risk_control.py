"""Thresholds with a guarantee: what is lost in the mean (conformal risk control), what share of what is kept is false (Learn then Test).

Both hold for new queries that are drawn as the calibration queries were. The unit is the query: its pairs come together.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

GRID = tuple(round(0.5 + 0.01 * place, 2) for place in range(51))  # thresholds that are tried: .50 to 1.00


@dataclass(frozen=True)
class Pairs:
    """Candidates of calibration queries.

    Attributes:
        queries: whose pair it is, numbered from 0 to count - 1; each query's best candidates first.
        values: pairs with a value above the threshold are removed; not-a-number is removed always.
        false: it is a right answer, and no negative.
        count: queries; one without pairs counts as one that loses nothing and keeps nothing.
    """

    queries: np.ndarray
    values: np.ndarray
    false: np.ndarray
    count: int

    def of(self, chosen: np.ndarray) -> Pairs:
        """Those of some queries, which are numbered anew."""
        number = np.full(self.count, -1)
        number[chosen] = np.arange(len(chosen))
        there = number[self.queries] >= 0
        return Pairs(number[self.queries[there]], self.values[there], self.false[there], len(chosen))


def lost(pairs: Pairs, threshold: float) -> np.ndarray:
    """The share of each query's true negatives that a threshold removes, [queries]: it falls as the threshold rises."""
    removed = ~(pairs.values <= threshold) & ~pairs.false
    true = np.bincount(pairs.queries, ~pairs.false, pairs.count)
    return np.bincount(pairs.queries, removed, pairs.count) / np.maximum(true, 1)


def kept(pairs: Pairs, threshold: float, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the first `most` candidates that each query keeps: how many there are, and how many are false; [queries], [queries]."""
    stays = pairs.values <= threshold
    before = np.cumsum(stays) - stays
    starts = np.searchsorted(pairs.queries, np.arange(pairs.count))
    place = before - np.append(before, 0)[starts][pairs.queries]
    taken = stays & (place < most)
    return np.bincount(pairs.queries, taken, pairs.count), np.bincount(pairs.queries, taken & pairs.false, pairs.count)


def losing_at_most(pairs: Pairs, share: float, grid: tuple[float, ...] = GRID) -> float | None:
    """The strictest threshold that loses at most this share of a new query's true negatives, in the mean.

    Conformal risk control (Angelopoulos et al. 2024, arXiv 2208.02814): with n queries the mean loss m must satisfy
    (n m + 1) / (n + 1) <= share, since a loss is at most 1.

    Returns:
        Null where no threshold of the grid does.
    """
    # What is lost falls as the threshold rises, so halving the grid finds the first.
    rising = sorted(grid)
    first = bisect_left(rising, True, key=lambda threshold: (lost(pairs, threshold).sum() + 1) / (pairs.count + 1) <= share)
    return rising[first] if first < len(rising) else None


def false_at_most(pairs: Pairs, share: float, most: int, risk: float = 0.1, grid: tuple[float, ...] = GRID) -> float | None:
    """The laxest threshold of which it is shown that at most this share of what is kept is false.

    Learn then Test (Angelopoulos et al. 2021, arXiv 2110.01052): the share of false ones need not fall as the threshold does, so
    each threshold is tested, and all tests together err with at most the chance `risk` (Bonferroni). The hypothesis is that the
    mean of false - share * kept is 0 or more; its p-value is Hoeffding's and Bentkus'.

    Args:
        pairs: of calibration queries.
        share: of the kept that may be false.
        most: candidates that are kept of each query.
        risk: the chance that the threshold does not do what it says.
        grid: thresholds that are tried.

    Returns:
        Null where none can be shown.
    """
    for threshold in sorted(grid, reverse=True):
        number, false = kept(pairs, threshold, most)
        # false - share * kept lies between -share * most and (1 - share) * most: moved and shrunk to between 0 and 1.
        scaled = (false - share * number) / most + share
        if hoeffding_bentkus(float(scaled.mean()), pairs.count, share) <= risk / len(grid):
            return threshold
    return None


def hoeffding_bentkus(mean: float, count: int, bound: float) -> float:
    """A p-value of the hypothesis that the mean is `bound` or more, for `count` independent values between 0 and 1.

    The smaller of Hoeffding's and Bentkus' (2004), as in Bates et al. (2021), arXiv 2101.02703.
    """
    from scipy.special import bdtr

    if mean >= bound:
        return 1.0
    hoeffding = np.exp(-count * divergence(mean, bound))
    return float(min(1.0, hoeffding, np.e * bdtr(max(0.0, np.ceil(count * mean - 1e-9)), count, bound)))


def divergence(one: float, other: float) -> float:
    """Kullback and Leibler's, of two chances of yes."""
    left = one * np.log(one / other) if one > 0 else 0.0
    return float(left + ((1 - one) * np.log((1 - one) / (1 - other)) if one < 1 else 0.0))
