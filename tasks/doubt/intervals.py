"""How sure a mean is: bootstrap intervals over queries (Efron and Tibshirani 1993, percentile method)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DRAWS = 10_000
LEVEL = 0.95
CELLS = 5_000_000  # of a block of draws in memory


@dataclass(frozen=True)
class Interval:
    """A mean with the interval that covers it at the level of 95 %."""

    mean: float
    low: float
    high: float

    @property
    def beyond_zero(self) -> bool:
        """Whether the interval does not include 0."""
        return self.low > 0 or self.high < 0


def intervals(values: np.ndarray, draw: np.random.Generator) -> list[Interval]:
    """The means of several series over the same queries, which are drawn again with replacement.

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
        return [Interval(float(one), -1.0, 1.0) for one in values[0]]
    means = np.empty((DRAWS, values.shape[1]))
    block = max(1, CELLS // queries)
    for start in range(0, DRAWS, block):
        rows = min(block, DRAWS - start)
        drawn = draw.integers(queries, size=(rows, queries)) + queries * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * queries).reshape(rows, queries)
        means[start : start + rows] = times @ values / queries
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return [Interval(*map(float, found)) for found in zip(values.mean(0), low, high, strict=True)]
