"""Prediction-powered inference: a judge's verdicts on many units, corrected by gold verdicts on a few of them.

Angelopoulos et al. 2023, arXiv 2301.09633. Here the units are candidates, a verdict is a yes or a no, and queries are independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hone.stats.proportions import NOTHING, Estimate, share, wilson


@dataclass(frozen=True)
class Verdicts:
    """A judge's verdicts on units that stand for all of them.

    Attributes:
        yes: [units] whether the judge's verdict is yes.
        queries: [units] the query of each; queries are independent.
        weights: [units] how many units each stands for.
    """

    yes: np.ndarray
    queries: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class GoldVerdicts(Verdicts):
    """Those of the units that have a gold verdict.

    Attributes:
        gold: [units] the gold verdict.
    """

    gold: np.ndarray


def corrected(
    judged: Verdicts, known: GoldVerdicts, sampled: float, interval: Callable[[float, float], tuple[float, float]] = wilson
) -> tuple[Estimate, Estimate, Estimate]:
    """The share of units whose gold verdict is yes, the judge's precision, and its share of yes, each with an interval.

    With q the share of yes, and p1 and p0 the shares of gold among yes and among the rest, the share is q p1 + (1 - q) p0. The
    precision is p1. Intervals are joined as Zou and Donner (2008) do, so that none collapses where no gold verdict was a yes.

    Args:
        judged: every unit that the judge has read.
        known: units that were drawn at random among its yes and among the rest.
        sampled: the fraction of all queries that `judged` holds; 1: all.
        interval: of a proportion and an effective number of observations.

    Returns:
        The share, the precision and the share of yes; NOTHING where it cannot be estimated.
    """
    yes = share(judged.yes, judged.queries, judged.weights, sampled, interval)
    columns = (known.gold, known.queries, known.weights)
    right, missed = (share(*(column[part] for column in columns), interval=interval) for part in (known.yes, ~known.yes))
    return joined(yes, right, missed), right, yes


def joined(yes: Estimate, right: Estimate, missed: Estimate) -> Estimate:
    """q p1 + (1 - q) p0 with its interval; what is not known and not needed counts as nothing."""
    if yes is NOTHING or (yes.estimate > 0 and right is NOTHING) or (yes.estimate < 1 and missed is NOTHING):
        return NOTHING
    among, rest = (part if part is not NOTHING else Estimate(0.0, 0.0, 0.0, 0) for part in (right, missed))
    found = yes.estimate * among.estimate + (1 - yes.estimate) * rest.estimate
    slope = among.estimate - rest.estimate
    down, up = yes.estimate - yes.low, yes.high - yes.estimate
    less, more = (slope * down, slope * up) if slope > 0 else (slope * up, slope * down)
    lower = (yes.estimate * (among.estimate - among.low), (1 - yes.estimate) * (rest.estimate - rest.low), less)
    upper = (yes.estimate * (among.high - among.estimate), (1 - yes.estimate) * (rest.high - rest.estimate), more)
    return Estimate(found, max(0.0, found - math.hypot(*lower)), min(1.0, found + math.hypot(*upper)), right.count + missed.count)
