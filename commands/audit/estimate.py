"""Estimate the false-negative rate from labelled pairs, by stratified sampling over kinds of
suspicion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hone.stats.proportions import wilson


@dataclass(frozen=True)
class Stratum:
    """One kind of suspicion: its number of pairs, of labelled pairs, and of positive verdicts."""

    size: int
    read: int
    yes: int


@dataclass(frozen=True)
class Estimate:
    """A fraction with its 95 % interval. Without a verdict on some kind, `share` is null and the
    interval covers all possible values.
    """

    share: float | None
    low: float
    high: float
    read: int
    unsure: int = 0


def estimate(strata: list[Stratum], units: int, seen: float, unsure: int = 0) -> Estimate:
    """The mean of the strata's fractions, weighted by the number of pairs (Horvitz and Thompson
    1952).

    The interval combines the strata's Wilson intervals (Zou and Donner 2008). It therefore does not
    collapse if a stratum has no positive verdict. A completely labelled stratum has no uncertainty.
    With few positive verdicts, the lower end is too high: in a simulation with uninformative
    suspicion, the coverage was 0.92. Therefore the wider end of this interval and of Wilson's
    interval for Kish's effective sample size is used [Hone default; simulated in
    tests/commands/audit/test_estimate.py]. The pairs are themselves a sample of all negatives. This
    adds Wilson's interval for `units` independent units, the worst case in which all pairs of a
    query agree. Unsure verdicts are treated as missing at random.

    Args:
        strata: the strata of the scored pairs.
        units: number of independent units (sampled pairs, or queries).
        seen: fraction of all such units in the sample; 1: all.
        unsure: number of pairs with the verdict unsure.
    """
    total = sum(one.size for one in strata)
    read = sum(one.read for one in strata)
    if not total:
        return Estimate(None, 0.0, 1.0, 0, unsure)
    share, below, above, spread, complete = 0.0, 0.0, 0.0, 0.0, True
    for one in strata:
        if not one.size:
            continue
        weight = one.size / total
        part, low, high = of_stratum(one)
        complete &= one.read > 0
        share += weight * part
        below += (weight * (part - low)) ** 2
        above += (weight * (high - part)) ** 2
        spread += weight**2 * (1 / one.read - 1 / one.size) if one.read else 0.0
    if not complete:
        sure = sum(one.size / total * of_stratum(one)[1] for one in strata)
        most = sum(one.size / total * of_stratum(one)[2] for one in strata if one.size)
        return Estimate(None, sure, most, read, unsure)
    if spread:
        low, high = wilson(share / spread, 1 / spread)
        below, above = max(below, (share - low) ** 2), max(above, (high - share) ** 2)
    if seen < 1:
        independent = units / (1 - seen)
        low, high = wilson(share * independent, independent)
        below += (share - low) ** 2
        above += (high - share) ** 2
    return Estimate(
        share, max(0.0, share - math.sqrt(below)), min(1.0, share + math.sqrt(above)), read, unsure
    )


def of_stratum(one: Stratum) -> tuple[float, float, float]:
    """Fraction and ends of its interval, for sampling without replacement: a completely labelled
    stratum has no uncertainty.
    """
    if not one.read:
        return 0.5, 0.0, 1.0
    part = one.yes / one.read
    if one.read == one.size:
        return part, part, part
    independent = one.read / (1 - one.read / one.size)
    low, high = wilson(part * independent, independent)
    return part, min(low, part), max(high, part)
