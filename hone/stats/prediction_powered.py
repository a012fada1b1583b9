"""Prediction-powered inference: a judge's verdicts on many units, corrected by gold verdicts on a
few of them.

Angelopoulos et al. 2023, arXiv 2301.09633. Units are candidates, verdicts are yes or no, and
queries are independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hone.stats.proportions import NOTHING, Estimate, share, wilson


@dataclass(frozen=True)
class Verdicts:
    """A judge's verdicts on a sample of units.

    Attributes:
        yes: [units] whether the judge's verdict is yes.
        queries: [units] the query of each unit. Queries are independent.
        weights: [units] the number of units that each represents.
    """

    yes: np.ndarray
    queries: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class GoldVerdicts(Verdicts):
    """The units with a gold verdict.

    Attributes:
        gold: [units] the gold verdict.
    """

    gold: np.ndarray


def corrected(
    judged: Verdicts,
    known: GoldVerdicts,
    sampled: float,
    interval: Callable[[float, float], tuple[float, float]] = wilson,
) -> tuple[Estimate, Estimate, Estimate]:
    """The fraction of units whose gold verdict is yes, the judge's precision, and its fraction of
    yes, each with an interval.

    The fraction is q p1 + (1 - q) p0. Here q is the fraction of yes, and p1 and p0 are the gold
    fractions among yes and among the rest. The precision is p1. Intervals are combined as in Zou
    and Donner (2008), so none collapses if no gold verdict is yes.

    Args:
        judged: every unit that the judge has read.
        known: units sampled at random among its yes and among the rest.
        sampled: the fraction of all queries in `judged`. 1: all.
        interval: computes an interval from a proportion and an effective sample size.

    Returns:
        The fraction, the precision and the fraction of yes. NOTHING if it cannot be estimated.
    """
    yes = share(judged.yes, judged.queries, judged.weights, sampled, interval)
    columns = (known.gold, known.queries, known.weights)
    right, missed = (
        share(*(column[part] for column in columns), interval=interval)
        for part in (known.yes, ~known.yes)
    )
    return joined(yes, right, missed), right, yes


def joined(yes: Estimate, right: Estimate, missed: Estimate) -> Estimate:
    """q p1 + (1 - q) p0 with its interval. Unknown terms with weight 0 are ignored."""
    if (
        yes is NOTHING
        or (yes.estimate > 0 and right is NOTHING)
        or (yes.estimate < 1 and missed is NOTHING)
    ):
        return NOTHING
    among, rest = (
        part if part is not NOTHING else Estimate(0.0, 0.0, 0.0, 0) for part in (right, missed)
    )
    found = yes.estimate * among.estimate + (1 - yes.estimate) * rest.estimate
    slope = among.estimate - rest.estimate
    down, up = yes.estimate - yes.low, yes.high - yes.estimate
    less, more = (slope * down, slope * up) if slope > 0 else (slope * up, slope * down)
    lower = (
        yes.estimate * (among.estimate - among.low),
        (1 - yes.estimate) * (rest.estimate - rest.low),
        less,
    )
    upper = (
        yes.estimate * (among.high - among.estimate),
        (1 - yes.estimate) * (rest.high - rest.estimate),
        more,
    )
    return Estimate(
        found,
        max(0.0, found - math.hypot(*lower)),
        min(1.0, found + math.hypot(*upper)),
        right.count + missed.count,
    )
