"""Click rates of pairs with a confidence interval, and relevance grades by thresholds."""

from __future__ import annotations

import numpy as np

from hone.stats.proportions import Z


def wilson_bounds(
    clicks: np.ndarray, impressions: np.ndarray, z: float = Z
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval (1927) of many click rates (see `hone.stats.proportions.wilson`).

        (p + z^2/2n -+ z sqrt(p (1 - p)/n + z^2/4n^2)) / (1 + z^2/n),  p = clicks / n

    Args:
        clicks: [pairs].
        impressions: [pairs], n.
        z: quantile of the normal distribution. 1.96 is 95 %.

    Returns:
        Lower and upper bounds [pairs]. 0 and 1 without impressions.
    """
    count = np.asarray(impressions, dtype=np.float64)
    some = np.maximum(count, 1)
    rate, spread = np.asarray(clicks, dtype=np.float64) / some, z * z / some
    centre = (rate + spread / 2) / (1 + spread)
    half = z * np.sqrt(np.maximum(rate * (1 - rate), 0) / some + spread / (4 * some)) / (1 + spread)
    low, high = np.maximum(centre - half, 0), np.minimum(centre + half, 1)
    return np.where(count > 0, low, 0.0), np.where(count > 0, high, 1.0)


def grade_bounds(low: np.ndarray, thresholds: list[float]) -> np.ndarray:
    """The number of thresholds that each lower bound reaches: [pairs] of whole numbers.

    Args:
        low: lower bounds [pairs].
        thresholds: ascending.
    """
    return np.searchsorted(np.asarray(thresholds, dtype=np.float64), low, side="right")
