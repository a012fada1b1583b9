"""A difference over queries and seeds. Both are samples, and both add uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hone.stats.paired_tests import LEVEL, POWER


@dataclass(frozen=True)
class OverSeeds:
    """A mean difference with its interval.

    Attributes:
        mean: over all queries and seeds.
        low, high: the 95 % interval.
        p: two-sided, for no difference.
        freedom: degrees of freedom (Satterthwaite).
        of_seeds: standard deviation that seeds add to the mean difference of one run.
        of_queries: standard deviation of a query's own difference.
        error: standard error of `mean`.
    """

    mean: float
    low: float
    high: float
    p: float
    freedom: float
    of_seeds: float
    of_queries: float
    error: float

    def detectable(self, level: float = LEVEL) -> float | None:
        """The minimum detectable effect (80 % power) with as many queries and seeds. Null if
        nothing varies.
        """
        from scipy.special import stdtrit

        reach = stdtrit(self.freedom, 1 - level / 2) + stdtrit(self.freedom, POWER)
        return float(reach) * self.error if self.error > 0 else None


def over_seeds(differences: np.ndarray) -> OverSeeds:
    """A crossed model with random queries and random seeds: difference = mean + query + seed +
    rest.

    The variance of the mean is (MS_queries + MS_seeds - MS_rest) / (queries * seeds), by mean
    squares of the two-way table. Negative components are set to 0. Degrees of freedom are
    Satterthwaite's (1946).

    Args:
        differences: [seeds, queries], paired: the same queries under each seed, and within a seed
            the same draws for both sides.

    Raises:
        ValueError: fewer than two seeds or two queries.
    """
    from scipy.special import stdtr, stdtrit

    table = np.asarray(differences, dtype=np.float64)
    seeds, queries = table.shape
    if seeds < 2 or queries < 2:
        raise ValueError("at least two seeds and two queries are needed")
    mean = float(table.mean())
    by_seed, by_query = table.mean(1), table.mean(0)
    rest = table - by_seed[:, None] - by_query[None, :] + mean
    ms_seeds = queries * float(((by_seed - mean) ** 2).sum()) / (seeds - 1)
    ms_queries = seeds * float(((by_query - mean) ** 2).sum()) / (queries - 1)
    ms_rest = float((rest**2).sum()) / ((seeds - 1) * (queries - 1))
    # (mean square, its degrees of freedom) of the variance components. A negative component is
    # removed with its reference term.
    parts = [
        (ms_queries, queries - 1),
        (ms_seeds, seeds - 1),
        (-ms_rest, (seeds - 1) * (queries - 1)),
    ]
    if ms_seeds <= ms_rest:
        parts = [(ms_queries, queries - 1)]
    elif ms_queries <= ms_rest:
        parts = [(ms_seeds, seeds - 1)]
    total = max(sum(square for square, _ in parts), ms_rest)
    below = sum(square**2 / degrees for square, degrees in parts)
    freedom = total**2 / below if below > 0 else math.inf
    error = math.sqrt(total / (seeds * queries))
    reach = float(stdtrit(freedom, 0.975)) * error if error > 0 else 0.0
    p = float(2 * stdtr(freedom, -abs(mean) / error)) if error > 0 else float(mean == 0)
    return OverSeeds(
        mean,
        mean - reach,
        mean + reach,
        p,
        freedom,
        math.sqrt(max(0.0, ms_seeds - ms_rest) / queries),
        math.sqrt(max(0.0, ms_queries - ms_rest) / seeds),
        error,
    )
