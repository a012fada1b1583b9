"""Paired tests of two rankings of the same queries: p values, effect size and minimum detectable
effect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

DRAWS = 10_000
EXACT = 13  # maximum number of differing queries for the exact test
CELLS = 5_000_000  # draws in memory at once
LEVEL, POWER = 0.05, 0.8
SAME = 1e-12


@dataclass(frozen=True)
class Paired:
    """A mean difference over queries.

    Attributes:
        queries: number of queries.
        mean: mean of the differences.
        deviation: standard deviation of a query's difference (n - 1). Null for fewer than two
            queries.
        t: two-sided p of the paired t-test. Null if undefined (fewer than two queries, or all
            differences equal and not 0).
        randomisation: two-sided p of the randomization test, which flips the sign of each query's
            difference.
        effect: mean / deviation (Cohen's d of paired differences). Null if nothing varies.
        detectable: minimum detectable effect (80 % power, level 5 %). Null if nothing varies, which
            does not generalize to other queries.
    """

    queries: int
    mean: float
    deviation: float | None
    t: float | None
    randomisation: float
    effect: float | None
    detectable: float | None


def paired(differences: np.ndarray, draw: np.random.Generator) -> Paired:
    """Test the differences.

    Args:
        differences: [queries], of one measure.
        draw: random number generator for sign flips.

    Raises:
        ValueError: a difference is NaN.
    """
    differences = np.asarray(differences, dtype=np.float64)
    if not np.isfinite(differences).all():
        raise ValueError("a difference is NaN")
    count = len(differences)
    mean = float(differences.mean()) if count else 0.0
    deviation = float(differences.std(ddof=1)) if count > 1 else None
    varies = deviation is not None and deviation > SAME
    return Paired(
        count,
        mean,
        deviation,
        t_test(mean, deviation, count),
        randomisation(differences, draw),
        mean / deviation if varies else None,
        detectable(deviation, count) if varies else None,
    )


def t_test(mean: float, deviation: float | None, count: int, at: float = 0.0) -> float | None:
    """Two-sided p that the mean is `at` (Student 1908). Null for fewer than two queries or
    identical differences.
    """
    from scipy.special import stdtr

    if deviation is None:
        return None
    if deviation <= SAME:
        return 1.0 if abs(mean - at) <= SAME else None
    return float(2 * stdtr(count - 1, -abs(mean - at) / (deviation / math.sqrt(count))))


def randomisation(differences: np.ndarray, draw: np.random.Generator) -> float:
    """Two-sided p of Fisher's randomization test: the fraction of sign flips whose mean is as far
    from 0.

    With few differing queries, all sign flips are counted. Otherwise 10,000 are drawn, and the
    observed one is counted too, so no p is 0.
    """
    moved = differences[np.abs(differences) > SAME]
    if not len(moved):
        return 1.0
    seen = abs(moved.sum()) - SAME * len(moved)
    if len(moved) <= EXACT:
        ways = 1 - 2 * (np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved)) & 1)
        return float((np.abs(ways @ moved) >= seen).mean())
    beyond, block = 0, max(1, CELLS // len(moved))
    for start in range(0, DRAWS, block):
        rows = min(block, DRAWS - start)
        bits = np.unpackbits(
            np.frombuffer(draw.bytes(-(-rows * len(moved) // 8)), np.uint8), count=rows * len(moved)
        )
        turned = 2.0 * (bits.reshape(rows, len(moved)).astype(np.float64) @ moved) - moved.sum()
        beyond += int((np.abs(turned) >= seen).sum())
    return (beyond + 1) / (DRAWS + 1)


def detectable(deviation: float, count: int, level: float = LEVEL, power: float = POWER) -> float:
    """The minimum detectable effect of a t-test with this number of queries and this power."""
    from scipy.special import stdtrit

    return float(
        (stdtrit(count - 1, 1 - level / 2) + stdtrit(count - 1, power))
        * deviation
        / math.sqrt(count)
    )


def queries_needed(deviation: float, effect: float, most: int = 10_000_000) -> int | None:
    """The smallest number of queries with which a t-test detects an effect (80 % power, level
    5 %). Null if it takes more than `most`.

    Args:
        deviation: standard deviation of a query's difference.
        effect: the true mean difference, more than 0.
    """
    if detectable(deviation, most) > effect:
        return None
    low, high = 2, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if detectable(deviation, middle) <= effect else (middle + 1, high)
    return low


def no_worse(found: Paired, margin: float) -> float | None:
    """One-sided p that the true difference is -`margin` or less. A small p shows "no worse than
    `margin`" (non-inferiority).
    """
    return one_sided(found.mean + margin, found.deviation, found.queries)


def equivalent(found: Paired, margin: float) -> float | None:
    """p of two one-sided tests (Schuirmann 1987). A small p shows that the difference is within
    `margin` of 0.
    """
    lower, upper = (
        no_worse(found, margin),
        one_sided(margin - found.mean, found.deviation, found.queries),
    )
    return None if lower is None or upper is None else max(lower, upper)


def one_sided(above: float, deviation: float | None, count: int) -> float | None:
    """p that the mean is below the bound, for a mean that lies `above` it. Null for fewer than
    two queries.
    """
    from scipy.special import stdtr

    if deviation is None:
        return None
    if deviation <= SAME:
        return 0.0 if above > SAME else 1.0
    return float(stdtr(count - 1, -above / (deviation / math.sqrt(count))))


def holm(ps: list[float]) -> list[float]:
    """Holm-adjusted p values of several comparisons (Holm 1979), in their order."""
    order = sorted(range(len(ps)), key=ps.__getitem__)
    adjusted, highest = [0.0] * len(ps), 0.0
    for place, number in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[number]))
        adjusted[number] = highest
    return adjusted
