"""How sure a mean is: percentile bootstrap over queries (Efron and Tibshirani 1993), and Student's t where there are fewer than 30.

Of few queries the percentile bootstrap is too narrow: its spread has 1 / n in place of 1 / (n - 1), and the quantiles of the normal
distribution. BCa mends bias and skew, not this. Student's t is exact for normal values, and of these intervals the one that covers best for
few (Hesterberg, "What Teachers Should Know About the Bootstrap", 2015).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

DRAWS = 10_000
LEVEL = 0.95
CELLS = 5_000_000  # of a block of draws in memory
FEW = 30  # queries from which on the bootstrap is used
BOOTSTRAP, STUDENT, NOTHING_KNOWN = "percentile bootstrap", "Student's t", "one query: any difference"


@dataclass(frozen=True)
class Interval:
    """A mean with the interval that covers it at the level of 95 %, and how it was made."""

    mean: float
    low: float
    high: float
    method: str = field(default=BOOTSTRAP, compare=False)

    @property
    def called(self) -> str:
        """What a sentence calls it; the method is named where it is not the usual one."""
        usual = self.method in (BOOTSTRAP, NOTHING_KNOWN)
        return "95 % interval" if usual else f"95 % interval by {self.method}"

    @property
    def beyond_zero(self) -> bool:
        """Whether the interval does not include 0."""
        return self.low > 0 or self.high < 0


def intervals(values: np.ndarray, draw: np.random.Generator) -> list[Interval]:
    """The means of several series over the same queries, which are drawn again with replacement; of few queries by Student's t.

    All series see the same draws. For the difference between two rankings give the differences query by query (paired).

    Args:
        values: [queries, series].
        draw: random numbers.

    Returns:
        One interval for each series; without any query everything is 0. One query says nothing of others, though the mean of what is
        drawn from it never varies: its interval is all that a difference of two measures can be, from -1 to 1.
    """
    values = np.asarray(values, dtype=np.float64)
    queries = len(values)
    if not queries:
        return [Interval(0.0, 0.0, 0.0)] * values.shape[1]
    if queries == 1:
        return [Interval(float(one), -1.0, 1.0, NOTHING_KNOWN) for one in values[0]]
    if queries < FEW:
        return students(values)
    means = np.empty((DRAWS, values.shape[1]))
    block = max(1, CELLS // queries)
    for start in range(0, DRAWS, block):
        rows = min(block, DRAWS - start)
        drawn = draw.integers(queries, size=(rows, queries)) + queries * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * queries).reshape(rows, queries)
        means[start : start + rows] = times @ values / queries
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return [Interval(*map(float, found)) for found in zip(values.mean(0), low, high, strict=True)]


def students(values: np.ndarray) -> list[Interval]:
    """mean -+ t s / sqrt(n) of each series, s with n - 1, t the quantile for n - 1 degrees of freedom; inside -1 to 1, as all measures and
    their differences are.

    Args:
        values: [queries, series], two queries or more.
    """
    from scipy.special import stdtrit

    means = values.mean(0)
    half = stdtrit(len(values) - 1, (1 + LEVEL) / 2) * values.std(0, ddof=1) / math.sqrt(len(values))
    ends = zip(means, np.maximum(means - half, np.minimum(means, -1)), np.minimum(means + half, np.maximum(means, 1)), strict=True)
    return [Interval(*map(float, found), STUDENT) for found in ends]
