"""The share of false negatives from the pairs that a person read: what was drawn from each kind speaks for that kind."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hone.stats.proportions import wilson


@dataclass(frozen=True)
class Stratum:
    """One kind of suspicion: pairs in it, how many of those have a verdict, and how many of these say yes."""

    size: int
    read: int
    yes: int


@dataclass(frozen=True)
class Estimate:
    """A share with its 95 % interval; `share` is null where a kind has no verdict, the interval then holds all it may be."""

    share: float | None
    low: float
    high: float
    read: int
    unsure: int = 0


def estimate(strata: list[Stratum], units: int, seen: float, unsure: int = 0) -> Estimate:
    """The sum of the strata's shares, each weighing as many pairs as it has (Horvitz and Thompson 1952).

    The interval joins the strata's Wilson intervals as Zou and Donner (2008) do, so that it does not collapse where a
    stratum has no yes; where all of a stratum was read, it is certain. With few hits that joint is too narrow below (it
    covered .92 in a simulation where suspicion says nothing), so Wilson's interval for Kish's effective number of verdicts
    is joined to it, and the wider end of both holds (ours; simulated in tests/commands/audit/test_estimate.py). The pairs are
    themselves a part of all negatives: that adds Wilson's interval for `units` independent ones, as if pairs of one query
    always agreed, which is the worst. Verdicts that could not be given are taken to be missing by chance.

    Args:
        strata: of the pairs that were scored.
        units: how many independent units these come from (pairs drawn by lot, or queries).
        seen: the share of all such units that was drawn; 1: all.
        unsure: pairs that were read and could not be said.
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
    return Estimate(share, max(0.0, share - math.sqrt(below)), min(1.0, share + math.sqrt(above)), read, unsure)


def of_stratum(one: Stratum) -> tuple[float, float, float]:
    """Share, and the ends of its interval; drawn without putting back, so that a stratum read whole is certain."""
    if not one.read:
        return 0.5, 0.0, 1.0
    part = one.yes / one.read
    if one.read == one.size:
        return part, part, part
    independent = one.read / (1 - one.read / one.size)
    low, high = wilson(part * independent, independent)
    return part, min(low, part), max(high, part)
