"""How sure a difference between two rankings of the same queries is: tests, size, and what could have been seen at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

DRAWS = 10_000
EXACT = 13  # queries that differ, up to which all ways of turning signs are counted
CELLS = 5_000_000  # of a block of draws in memory
LEVEL, POWER = 0.05, 0.8
SAME = 1e-12


@dataclass(frozen=True)
class Paired:
    """A mean difference over queries.

    Attributes:
        queries: how many.
        mean: of the differences.
        deviation: of one query's difference (n - 1); null for fewer than two queries.
        t: two-sided p of the paired t-test; null where it is not defined (fewer than two queries, or all differences are the same
            and not 0).
        randomisation: two-sided p of turning each query's sign at random.
        effect: mean / deviation (Cohen's d of paired differences); null where nothing varies.
        detectable: the smallest true difference that so many queries would show in four of five cases at the level of 5 %; null where
            nothing varies, which says nothing of how other queries would.
    """

    queries: int
    mean: float
    deviation: float | None
    t: float | None
    randomisation: float
    effect: float | None
    detectable: float | None


def paired(differences: np.ndarray, draw: np.random.Generator) -> Paired:
    """What one can say of differences.

    Args:
        differences: [queries], of one measure, query by query.
        draw: random numbers for turning signs.

    Raises:
        ValueError: a difference is no number.
    """
    differences = np.asarray(differences, dtype=np.float64)
    if not np.isfinite(differences).all():
        raise ValueError("a difference is no number")
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
    """Two-sided p of the mean being `at` (Student 1908); null for fewer than two queries, or the same difference in all."""
    from scipy.special import stdtr

    if deviation is None:
        return None
    if deviation <= SAME:
        return 1.0 if abs(mean - at) <= SAME else None
    return float(2 * stdtr(count - 1, -abs(mean - at) / (deviation / math.sqrt(count))))


def randomisation(differences: np.ndarray, draw: np.random.Generator) -> float:
    """Two-sided p of Fisher's randomisation test: how often signs turned at random give a mean as far from 0.

    All ways are counted where few queries differ; otherwise 10,000 are drawn, and the one that was seen is counted with
    them, so that no p is 0.
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
        bits = np.unpackbits(np.frombuffer(draw.bytes(-(-rows * len(moved) // 8)), np.uint8), count=rows * len(moved))
        turned = 2.0 * (bits.reshape(rows, len(moved)).astype(np.float64) @ moved) - moved.sum()
        beyond += int((np.abs(turned) >= seen).sum())
    return (beyond + 1) / (DRAWS + 1)


def detectable(deviation: float, count: int, level: float = LEVEL, power: float = POWER) -> float:
    """The smallest true mean difference that a t-test of so many queries shows with the given power."""
    from scipy.special import stdtrit

    return float((stdtrit(count - 1, 1 - level / 2) + stdtrit(count - 1, power)) * deviation / math.sqrt(count))


def no_worse(found: Paired, margin: float) -> float | None:
    """One-sided p that the true difference is -`margin` or less: small means "no worse than `margin`" is shown."""
    return one_sided(found.mean + margin, found.deviation, found.queries)


def equivalent(found: Paired, margin: float) -> float | None:
    """p of two one-sided tests (Schuirmann 1987): small means that the difference is shown to lie within `margin` of 0."""
    lower, upper = no_worse(found, margin), one_sided(margin - found.mean, found.deviation, found.queries)
    return None if lower is None or upper is None else max(lower, upper)


def one_sided(above: float, deviation: float | None, count: int) -> float | None:
    """p of a mean that lies `above` the bound being below it; null for fewer than two queries."""
    from scipy.special import stdtr

    if deviation is None:
        return None
    if deviation <= SAME:
        return 0.0 if above > SAME else 1.0
    return float(stdtr(count - 1, -above / (deviation / math.sqrt(count))))


def holm(ps: list[float]) -> list[float]:
    """p values of several contrasts, adjusted so that one error among them is as rare as said (Holm 1979), in their order."""
    order = sorted(range(len(ps)), key=ps.__getitem__)
    adjusted, highest = [0.0] * len(ps), 0.0
    for place, number in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[number]))
        adjusted[number] = highest
    return adjusted
