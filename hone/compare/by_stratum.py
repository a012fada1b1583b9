"""Scores by query slice: each round in every level of every stratum, and levels where it is
worse although better overall.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from hone.compare.contrast import (
    MEASURE,
    Contrast,
    Score,
    classify_contrast,
    make_contrast,
    read_query_measures,
)
from hone.compare.query_strata import PLACE, QuerySlices
from hone.config import methods
from hone.present.number_format import count, format_change, format_p, score, span
from hone.seeds import generator
from hone.stats.bootstrap import intervals
from hone.stats.paired_tests import holm

FEW = 20  # queries; a smaller level gets a note. [Hone default]


@dataclass(frozen=True)
class InLevel:
    """One ranking on the queries of one level; `against` is its difference from the baseline."""

    name: str
    mean: float
    against: Contrast


@dataclass(frozen=True)
class Level:
    """The queries of one level.

    Attributes:
        meaning: in words.
        base: mean nDCG@10 of the baseline.
        rounds: the other rankings; their p is adjusted for all levels and rounds of the page.
    """

    collection: str
    stratum: str
    level: str
    meaning: str
    queries: int
    base: float
    rounds: list[InLevel]

    @property
    def few(self) -> bool:
        """Whether the level has too few queries for a reliable mean."""
        return self.queries < FEW


def compare_levels(
    collection: str, base: str, names: Iterable[str], kinds: QuerySlices, seed: int
) -> list[Level]:
    """Every level that has queries, in the order of its stratum's `LEVELS`; p is not adjusted yet.

    Args:
        collection: its name.
        base: the baseline.
        names: the rankings to compare with it.
        kinds: query_id, stratum, level.
        seed: of params.yaml.
    """
    names = [name for name in names if name != base]
    values = read_query_measures(base, collection).select("query_id", pl.col(MEASURE).alias(base))
    for name in names:
        own = read_query_measures(name, collection).select("query_id", pl.col(MEASURE).alias(name))
        values = values.join(own, on="query_id", how="left", maintain_order="left")
    rows = dict(
        kinds.levels.join(values, on="query_id", maintain_order="left").group_by(
            "stratum", "level", maintain_order=True
        )
    )
    return [
        compare_level(
            rows[stratum, level], (collection, stratum, level), meaning, base, names, seed
        )
        for stratum in kinds.levels["stratum"].unique(maintain_order=True)
        for level, meaning in methods.find(PLACE, stratum).beside("LEVELS").items()
        if (stratum, level) in rows
    ]


def compare_level(
    rows: pl.DataFrame,
    key: tuple[str, str, str],
    meaning: str,
    base: str,
    names: list[str],
    seed: int,
) -> Level:
    """One level: the mean of every round, and its difference from the baseline over the same
    bootstrap draws.
    """
    changes = (
        rows.select(pl.col(name) - pl.col(base) for name in names).to_numpy()
        if names
        else np.empty((len(rows), 0))
    )
    spans = intervals(changes, generator(seed, "by kind", *key))
    inside = [
        InLevel(
            name,
            float(rows[name].mean()),
            make_contrast(
                base, changes[:, place], one, generator(seed, "by kind", *key, "contrast")
            ),
        )
        for place, (name, one) in enumerate(zip(names, spans, strict=True))
    ]
    return Level(*key, meaning, len(rows), float(rows[base].mean()), inside)


def adjust_p(found: list[Level]) -> list[Level]:
    """The levels with p, Holm-adjusted for all their contrasts."""
    ps = iter(holm([one.against.test.randomisation for level in found for one in level.rounds]))
    return [
        replace(
            level,
            rounds=[replace(one, against=replace(one.against, p=next(ps))) for one in level.rounds],
        )
        for level in found
    ]


def count_contrasts(found: list[Level]) -> int:
    """Number of contrasts that the p of these levels are adjusted for."""
    return sum(len(level.rounds) for level in found)


def find_hidden_losses(found: list[Level], scores: list[Score]) -> list[str]:
    """A sentence for each round that is significantly better on a collection and significantly
    worse on a level of it.
    """
    better = {
        (one.collection, one.name)
        for one in scores
        if one.base is not None and classify_contrast(one.base) == "better"
    }
    return [
        describe_loss(level, one)
        for level in found
        for one in level.rounds
        if (level.collection, one.name) in better and classify_contrast(one.against) == "worse"
    ]


def describe_loss(level: Level, one: InLevel) -> str:
    """The loss of a round on a level, in a sentence."""
    difference = one.against.difference
    return (
        f"{one.name} is better than {one.against.other} over all queries of {level.collection} "
        f"but worse where {level.meaning} "
        f"({level.stratum}: {level.level}, {count(level.queries, 'query', 'queries')}): nDCG@10 "
        f"goes from {score(level.base, 3)} "
        f"to {score(one.mean, 3)}, {format_change(difference.mean)} ({span(difference)}; "
        f"{format_p(one.against.p)})."
    )
