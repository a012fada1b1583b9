"""Results over all seeds: the gain of each arm over noisy labels, and the fraction of the damage
that it repairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from hone.stats.fieller import Ratio, ratio_over_seeds
from hone.stats.paired_tests import holm
from hone.stats.seeds_and_queries import OverSeeds, over_seeds

MEASURE = "ndcg_at_10"


@dataclass(frozen=True)
class Repaired:
    """An arm over all seeds.

    Attributes:
        mean: mean of the measure over queries and seeds.
        more: gain over noisy labels, over queries and seeds; null for the noisy arm itself.
        p: p of `more`, adjusted for all arms except `clean` and `noisy` (Holm 1979); null for these
            two.
        ratio: `more` / damage; null if the damage is not significant, and for the arms `clean` and
            `noisy`.
    """

    name: str
    mean: float
    more: OverSeeds | None
    p: float | None
    ratio: Ratio | None


def repaired(scores: dict[str, np.ndarray], noisy: str, clean: str) -> list[Repaired]:
    """Every arm, in its order.

    The damage is the gain of clean labels over noisy ones. There are no ratios if its 95 % interval
    is not above 0.

    Args:
        scores: [seeds, queries] of each arm, with the same queries in the same order for every
            seed.
        noisy, clean: the names of these arms.
    """
    damage = scores[clean] - scores[noisy]
    more = {
        name: over_seeds(values - scores[noisy]) for name, values in scores.items() if name != noisy
    }
    significant = more[clean].low > 0
    others = [name for name in scores if name not in (noisy, clean)]
    adjusted = dict(zip(others, holm([more[name].p for name in others]), strict=True))
    ratios = {
        name: ratio_over_seeds(scores[name] - scores[noisy], damage)
        for name in others
        if significant
    }
    return [
        Repaired(name, float(values.mean()), more.get(name), adjusted.get(name), ratios.get(name))
        for name, values in scores.items()
    ]


def by_seed(values: list[pl.DataFrame]) -> np.ndarray:
    """[seeds, queries] of the measure, with the same order of queries.

    Raises:
        ValueError: the seeds were evaluated on different queries.
    """
    ordered = [frame.sort("query_id") for frame in values]
    if any(not frame["query_id"].equals(ordered[0]["query_id"]) for frame in ordered):
        raise ValueError("the seeds were evaluated on different queries")
    return np.stack([frame[MEASURE].to_numpy() for frame in ordered])
