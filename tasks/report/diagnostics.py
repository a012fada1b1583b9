"""Diagnostic sets: the measure of each ranking, and its paired difference from the baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from hone.data import tables
from hone.data.eval_splits import evaluation_table
from hone.ir.diagnostic import Measured, measured
from hone.ir.measures import DEPTH
from hone.ir.trec_run import ranking_of
from hone.seeds import generator
from hone.stats.bootstrap import NOTHING_KNOWN, Interval, intervals
from hone.stats.paired_tests import SAME, holm, randomisation
from hone.stats.proportions import Z
from tasks.report.settings import ReportSettings


@dataclass(frozen=True)
class SuiteScore:
    """One ranking on one diagnostic set.

    Attributes:
        own: the measure with its interval.
        difference: from the baseline; null for the baseline.
        p: of no difference, Holm-adjusted for all rounds and sets; null for references.
    """

    collection: str
    ability: str
    name: str
    own: Measured
    difference: Interval | None
    p: float | None


def separate_suites(settings: ReportSettings) -> tuple[dict[str, str], ReportSettings]:
    """The diagnostic sets, and the settings without them, because the rest of the page covers
    the other collections.
    """
    suites = settings.abilities
    return suites, settings.model_copy(
        update={"evaluate_on": [name for name in settings.evaluate_on if name not in suites]}
    )


def measure_suites(
    suites: dict[str, str], names: list[str], base: str, rounds: set[str], settings: ReportSettings
) -> list[SuiteScore]:
    """Every ranking on every diagnostic set, in order.

    Args:
        suites: {collection: ability}.
        names: of the rankings.
        base: the baseline.
        rounds: names of the rounds; their p values are adjusted together.
        settings: of the report: `min_relevance` of each collection, `seed`.
    """
    found = [
        one for name in suites for one in measure_suite(name, suites[name], names, base, settings)
    ]
    places = [place for place, one in enumerate(found) if one.name in rounds and one.p is not None]
    adjusted = dict(zip(places, holm([found[place].p for place in places]), strict=True))
    return [replace(one, p=adjusted.get(place)) for place, one in enumerate(found)]


def measure_suite(
    collection: str, ability: str, names: list[str], base: str, settings: ReportSettings
) -> list[SuiteScore]:
    """One diagnostic set; p is not adjusted yet."""
    split = next(split for split in ("test", "dev") if len(read_qrels(collection, split)))
    queries = tables.read("queries", evaluation_table(collection, "queries", split))
    qrels, grade = read_qrels(collection, split), settings.min_relevance[collection]
    own = {}
    for name in dict.fromkeys((base, *names)):
        run = ranking_of(name, collection, DEPTH).join(
            queries, on="query_id", how="semi", maintain_order="left"
        )
        own[name] = measured(ability, run, queries, qrels, grade)
    made = []
    for name in names:
        draw = generator(settings.seed, "ability", collection)
        between = None if name == base else compare_units(own[base].units, own[name].units, draw)
        made.append(SuiteScore(collection, ability, name, own[name], *(between or (None, None))))
    return made


def read_qrels(collection: str, split: str) -> pl.DataFrame:
    """The qrels of a split."""
    return tables.read("qrels", evaluation_table(collection, "qrels", split))


def compare_units(
    before: pl.DataFrame, after: pl.DataFrame, draw: np.random.Generator
) -> tuple[Interval, float] | None:
    """The difference of the second ranking from the first, with its 95 % interval and two-sided p;
    null without units.

    One group is a mean of independent observations: bootstrap and randomization test, as for any
    measure. Two groups form an AUC: DeLong's test of two correlated AUCs (1988). The variance is
    the sum of the variances of the mean change in each group.

    Args:
        before, after: group, unit, value, of the same units.
        draw: random numbers.
    """
    both = before.join(after, on=["group", "unit"], suffix="_after", maintain_order="left")
    changes = [
        part.select(pl.col("value_after") - pl.col("value"))["value_after"].to_numpy()
        for part in both.partition_by("group")
    ]
    if not changes:
        return None
    if len(changes) == 1:
        [found] = intervals(changes[0][:, None], draw)
        return found, randomisation(changes[0], draw)
    mean = float(changes[0].mean())
    error = math.sqrt(
        sum(
            float(change.var(ddof=1)) / len(change) if len(change) > 1 else math.inf
            for change in changes
        )
    )
    if math.isinf(error):
        return Interval(mean, -1.0, 1.0, NOTHING_KNOWN), 1.0
    if error <= SAME:
        return Interval(mean, mean, mean), float(abs(mean) <= SAME)
    return Interval(mean, mean - Z * error, mean + Z * error, "normal approximation"), math.erfc(
        abs(mean) / error / math.sqrt(2)
    )
