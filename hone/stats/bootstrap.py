"""Confidence intervals of means: percentile bootstrap over queries (Efron and Tibshirani 1993),
Student's t below 30 queries.

The percentile bootstrap is too narrow for few queries: its variance uses 1 / n instead of 1 / (n -
1), and its quantiles are those of the normal distribution. BCa corrects bias and skew, but not
this. Student's t is exact for normal values. It has the best coverage of these intervals for small
samples (Hesterberg, "What Teachers Should Know About the Bootstrap", 2015).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

DRAWS = 10_000
LEVEL = 0.95
CELLS = 5_000_000  # draws in memory at once
FEW = 30  # minimum number of queries for the bootstrap
BOOTSTRAP, STUDENT, NOTHING_KNOWN = (
    "percentile bootstrap",
    "Student's t",
    "one query: any difference",
)


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % confidence interval and the method."""

    mean: float
    low: float
    high: float
    method: str = field(default=BOOTSTRAP, compare=False)

    @property
    def called(self) -> str:
        """The name of the interval in a sentence. The method is included if it is not the usual
        one.
        """
        usual = self.method in (BOOTSTRAP, NOTHING_KNOWN)
        return "95 % interval" if usual else f"95 % interval by {self.method}"

    @property
    def beyond_zero(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def intervals(values: np.ndarray, draw: np.random.Generator) -> list[Interval]:
    """Means of several series over the same queries, resampled with replacement. Student's t for
    few queries.

    All series share the same draws. To compare two rankings, pass the paired differences.

    Args:
        values: [queries, series].
        draw: random number generator.

    Returns:
        One interval for each series. Without queries, everything is 0. The resampled mean of one
        query never varies, but one query does not generalize. So its interval is the full range of
        a difference, from -1 to 1.
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
    """mean -+ t s / sqrt(n) of each series, with s from n - 1 and n - 1 degrees of freedom. Clipped
    to [-1, 1], the range of all measures and their differences.

    Args:
        values: [queries, series], at least two queries.
    """
    from scipy.special import stdtrit

    means = values.mean(0)
    half = (
        stdtrit(len(values) - 1, (1 + LEVEL) / 2) * values.std(0, ddof=1) / math.sqrt(len(values))
    )
    ends = zip(
        means,
        np.maximum(means - half, np.minimum(means, -1)),
        np.minimum(means + half, np.maximum(means, 1)),
        strict=True,
    )
    return [Interval(*map(float, found), STUDENT) for found in ends]
