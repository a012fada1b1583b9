"""Confidence set of a ratio of two uncertain means: the ratios that are consistent with the
data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hone.stats.seeds_and_queries import over_seeds

LEVEL = 0.95


@dataclass(frozen=True)
class Ratio:
    """A ratio with its confidence set.

    Attributes:
        estimate: above / below. Null if `below` is 0.
        parts: the intervals of the confidence set, in ascending order. Missing ends are infinite.
            One bounded interval if `below` differs significantly from 0. Two unbounded ones if only
            `above` does. The whole line if neither does. None if `below` is exactly 0 and `above`
            is not.
    """

    estimate: float | None
    parts: tuple[tuple[float, float], ...]

    @property
    def bounded(self) -> bool:
        return len(self.parts) == 1 and all(map(math.isfinite, self.parts[0]))

    def holds(self, ratio: float) -> bool:
        """Whether the value is in the confidence set."""
        return any(low <= ratio <= high for low, high in self.parts)


def fieller(above: float, below: float, spread: np.ndarray, quantile: float) -> Ratio:
    """Fieller's confidence set of a ratio (E. C. Fieller 1954, "Some problems in interval
    estimation", JRSS B 16).

    A ratio r is in the set if the mean `above` - r `below` lies within `quantile` standard errors
    of 0:

        (above - r below)^2 <= quantile^2 (V_aa - 2 r V_ab + r^2 V_bb)

    This is a quadratic inequality in r. The only assumption is that both means are normal.

    Args:
        above, below: two means.
        spread: [2, 2], the covariance matrix of the two means.
        quantile: of Student's t distribution (or the normal one), such as 2.776 for 95 % and 4
            degrees of freedom.

    Raises:
        ValueError: `spread` is not a covariance matrix, or a value is NaN.
    """
    (own, both), (twin, other) = np.asarray(spread, dtype=np.float64)
    if not np.isfinite([above, below, own, both, other, quantile]).all() or quantile < 0:
        raise ValueError("a value is NaN, or the quantile is negative")
    scale = max(own, other, 1e-300)
    if (
        not math.isclose(both, twin, abs_tol=1e-9 * scale)
        or min(own, other) < 0
        or both * both > own * other + 1e-9 * scale * scale
    ):
        raise ValueError("`spread` is not a covariance matrix")
    square = quantile * quantile
    # a r^2 - 2 b r + c <= 0
    a, b, c = (
        below * below - square * other,
        above * below - square * both,
        above * above - square * own,
    )
    estimate = above / below if below else None
    under = b * b - a * c
    if a > 0:
        reach = math.sqrt(max(under, 0.0))
        return Ratio(estimate, (((b - reach) / a, (b + reach) / a),))
    if a == 0:
        return Ratio(estimate, half_line(b, c))
    if under <= 0:
        return Ratio(estimate, ((-math.inf, math.inf),))
    reach = math.sqrt(under)
    return Ratio(estimate, ((-math.inf, (b + reach) / a), ((b - reach) / a, math.inf)))


def half_line(b: float, c: float) -> tuple[tuple[float, float], ...]:
    """Where c <= 2 b r: empty if `below` is exactly 0 and `above` differs significantly from 0."""
    if b == 0:
        return ((-math.inf, math.inf),) if c <= 0 else ()
    return ((c / (2 * b), math.inf),) if b > 0 else ((-math.inf, c / (2 * b)),)


def ratio_over_seeds(above: np.ndarray, below: np.ndarray) -> Ratio:
    """The ratio of two mean differences over the same queries and seeds, both sampled from larger
    populations.

    Variances and covariance follow the crossed model of `over_seeds`, with matrices of mean squares
    and products. Negative directions of a component (seeds, queries) are set to 0. Degrees of
    freedom are the smallest that `over_seeds` finds for either mean and for their difference [Hone
    default]. This is conservative, because Fieller's theorem needs a single number.

    Args:
        above, below: [seeds, queries], paired, such as score after cleaning - noisy, and clean -
            noisy.

    Raises:
        ValueError: the shapes differ, or there are fewer than two seeds or queries.
    """
    from scipy.special import stdtrit

    above, below = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    if above.shape != below.shape:
        raise ValueError("the two differences have different queries or seeds")
    freedom = min(found.freedom for found in map(over_seeds, (above, below, above - below)))
    return fieller(
        float(above.mean()),
        float(below.mean()),
        spread_of_means(np.stack([above, below])),
        float(stdtrit(freedom, (1 + LEVEL) / 2)),
    )


def spread_of_means(tables: np.ndarray) -> np.ndarray:
    """Variances and covariances of the means of [series, seeds, queries] by the crossed model:
    [series, series].
    """
    _, seeds, queries = tables.shape
    mean = tables.mean((1, 2), keepdims=True)
    by_seed, by_query = tables.mean(2, keepdims=True), tables.mean(1, keepdims=True)
    rest = products(tables - by_seed - by_query + mean) / ((seeds - 1) * (queries - 1))
    of_seeds = queries * products(by_seed - mean) / (seeds - 1)
    of_queries = seeds * products(by_query - mean) / (queries - 1)
    return (rest + not_negative(of_seeds - rest) + not_negative(of_queries - rest)) / (
        seeds * queries
    )


def products(deviations: np.ndarray) -> np.ndarray:
    """Sums of squares and products of [series, seeds, queries] (either may be 1): [series,
    series].
    """
    flat = deviations.reshape(len(deviations), -1)
    return flat @ flat.T


def not_negative(component: np.ndarray) -> np.ndarray:
    """The nearest positive semidefinite matrix: negative eigenvalues become 0 (Higham 1988)."""
    values, vectors = np.linalg.eigh(component)
    return (vectors * np.maximum(values, 0.0)) @ vectors.T
