"""What the seeds say: how much each arm gives more than noisy labels, and which part of the damage that is."""

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
        mean: of the measure, over queries and seeds.
        more: what it gives more than noisy labels, over queries and seeds; null for the noisy arm itself.
        p: of `more`, adjusted for all arms beside `clean` (Holm 1979); null for the two.
        ratio: `more` / damage; null where the damage is not shown, and for the two arms that it is made of.
    """

    name: str
    mean: float
    more: OverSeeds | None
    p: float | None
    ratio: Ratio | None


def repaired(scores: dict[str, np.ndarray], noisy: str, clean: str) -> list[Repaired]:
    """Every arm, in its order.

    The damage is what clean labels give more than noisy ones. Where its own 95 % interval is not above 0 nothing is divided by it.

    Args:
        scores: by arm, [seeds, queries], the same queries in the same order under every seed.
        noisy, clean: which arms these are.
    """
    damage = scores[clean] - scores[noisy]
    more = {name: over_seeds(values - scores[noisy]) for name, values in scores.items() if name != noisy}
    shown = more[clean].low > 0
    others = [name for name in scores if name not in (noisy, clean)]
    adjusted = dict(zip(others, holm([more[name].p for name in others]), strict=True))
    ratios = {name: ratio_over_seeds(scores[name] - scores[noisy], damage) for name in others if shown}
    return [Repaired(name, float(values.mean()), more.get(name), adjusted.get(name), ratios.get(name)) for name, values in scores.items()]


def by_seed(values: list[pl.DataFrame]) -> np.ndarray:
    """[seeds, queries] of the measure, queries in one order.

    Raises:
        ValueError: the seeds were evaluated on other queries.
    """
    ordered = [frame.sort("query_id") for frame in values]
    if any(not frame["query_id"].equals(ordered[0]["query_id"]) for frame in ordered):
        raise ValueError("the seeds were evaluated on other queries")
    return np.stack([frame[MEASURE].to_numpy() for frame in ordered])
