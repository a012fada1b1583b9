"""The interval of a ratio of two means that are both uncertain: the ratios that the data do not rule out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hone.stats.seeds_and_queries import over_seeds

LEVEL = 0.95


@dataclass(frozen=True)
class Ratio:
    """A ratio with all the values that are not ruled out.

    Attributes:
        estimate: above / below; null where `below` is 0.
        parts: the intervals that these values fill, from low to high; an end that is not there is infinite. One from number to
            number where `below` is surely not 0; two, each without an end, where it may be 0 and `above` is surely not; the
            whole line where both may be; none where `below` is surely 0 and `above` is not.
    """

    estimate: float | None
    parts: tuple[tuple[float, float], ...]

    @property
    def bounded(self) -> bool:
        return len(self.parts) == 1 and all(map(math.isfinite, self.parts[0]))

    def holds(self, ratio: float) -> bool:
        """Whether the value is not ruled out."""
        return any(low <= ratio <= high for low, high in self.parts)


def fieller(above: float, below: float, spread: np.ndarray, quantile: float) -> Ratio:
    """Fieller's confidence set of a ratio (E. C. Fieller 1954, "Some problems in interval estimation", JRSS B 16).

    A ratio r stays if the mean `above` - r `below`, which is 0 where r is true, lies within `quantile` of its standard errors of 0:

        (above - r below)^2 <= quantile^2 (V_aa - 2 r V_ab + r^2 V_bb)

    which is a quadratic inequality in r. Normal means are assumed, and nothing else: no division of uncertain figures.

    Args:
        above, below: two means.
        spread: [2, 2], the variances of the two means and their covariance.
        quantile: of Student's t distribution (or the normal one), such as 2.776 for 95 % and 4 degrees of freedom.

    Raises:
        ValueError: `spread` is no covariance matrix, or a figure is no number.
    """
    (own, both), (twin, other) = np.asarray(spread, dtype=np.float64)
    if not np.isfinite([above, below, own, both, other, quantile]).all() or quantile < 0:
        raise ValueError("a figure is no number, or the quantile is negative")
    scale = max(own, other, 1e-300)
    if not math.isclose(both, twin, abs_tol=1e-9 * scale) or min(own, other) < 0 or both * both > own * other + 1e-9 * scale * scale:
        raise ValueError("that is no covariance matrix")
    square = quantile * quantile
    # a r^2 - 2 b r + c <= 0
    a, b, c = below * below - square * other, above * below - square * both, above * above - square * own
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
    """Where c <= 2 b r: nowhere if `below` is surely 0 and `above` is surely not."""
    if b == 0:
        return ((-math.inf, math.inf),) if c <= 0 else ()
    return ((c / (2 * b), math.inf),) if b > 0 else ((-math.inf, c / (2 * b)),)


def ratio_over_seeds(above: np.ndarray, below: np.ndarray) -> Ratio:
    """The ratio of two mean differences over the same queries and seeds, both of which are drawn from more than were run.

    Variances and covariance are those of the crossed model of `over_seeds`, as matrices of mean squares and products; of a
    component (seeds, queries) the directions in which it comes out negative count as none. Degrees of freedom are the fewest
    that `over_seeds` finds for either of the two means and for their difference (ours, to be careful: Fieller's theorem wants one
    number).

    Args:
        above, below: [seeds, queries], paired, such as score after cleaning - noisy, and clean - noisy.

    Raises:
        ValueError: the two have not the same shape, or fewer than two seeds or queries.
    """
    from scipy.special import stdtrit

    above, below = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    if above.shape != below.shape:
        raise ValueError("the two differences are of other queries or seeds")
    freedom = min(found.freedom for found in map(over_seeds, (above, below, above - below)))
    return fieller(
        float(above.mean()), float(below.mean()), spread_of_means(np.stack([above, below])), float(stdtrit(freedom, (1 + LEVEL) / 2))
    )


def spread_of_means(tables: np.ndarray) -> np.ndarray:
    """Variances and covariances of the means of [series, seeds, queries] by the crossed model: [series, series]."""
    _, seeds, queries = tables.shape
    mean = tables.mean((1, 2), keepdims=True)
    by_seed, by_query = tables.mean(2, keepdims=True), tables.mean(1, keepdims=True)
    rest = products(tables - by_seed - by_query + mean) / ((seeds - 1) * (queries - 1))
    of_seeds = queries * products(by_seed - mean) / (seeds - 1)
    of_queries = seeds * products(by_query - mean) / (queries - 1)
    return (rest + not_negative(of_seeds - rest) + not_negative(of_queries - rest)) / (seeds * queries)


def products(deviations: np.ndarray) -> np.ndarray:
    """Sums of squares and products of [series, seeds, queries] (either may be 1): [series, series]."""
    flat = deviations.reshape(len(deviations), -1)
    return flat @ flat.T


def not_negative(component: np.ndarray) -> np.ndarray:
    """The nearest matrix that can be one of variances: negative eigenvalues become 0 (Higham 1988)."""
    values, vectors = np.linalg.eigh(component)
    return (vectors * np.maximum(values, 0.0)) @ vectors.T
