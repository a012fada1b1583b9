"""Suites for one ability: what each ranking measures there, and its difference from the base, unit by unit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from hone.data import tables
from hone.ir.diagnostic import Measured, measured
from hone.ir.measures import DEPTH
from hone.ir.results import ranking_of
from hone.layout import DATA
from hone.seeds import generator
from hone.stats.bootstrap import NOTHING_KNOWN, Interval, intervals
from hone.stats.paired_tests import SAME, holm, randomisation
from hone.stats.proportions import Z


@dataclass(frozen=True)
class SuiteScore:
    """One ranking on one suite.

    Attributes:
        own: what is measured, with its interval.
        difference: from the base; null for that itself.
        p: of no difference, adjusted for all rounds and suites; null for references.
    """

    collection: str
    ability: str
    name: str
    own: Measured
    difference: Interval | None
    p: float | None


def separate_suites(settings: dict) -> tuple[dict[str, str], dict]:
    """The suites for one ability, and the settings without them: all else on the page is about the other collections."""
    suites = settings["abilities"]
    return suites, settings | {"evaluate_on": [name for name in settings["evaluate_on"] if name not in suites]}


def measure_suites(suites: dict[str, str], names: list[str], base: str, rounds: set[str], settings: dict) -> list[SuiteScore]:
    """Every name on every suite, in their order.

    Args:
        suites: the ability of each.
        names: rankings.
        base: what the others are held against.
        rounds: which of them are rounds: their differences share the doubt.
        settings: of the report: `min_relevance` of each collection, `seed`.
    """
    found = [one for name in suites for one in measure_suite(name, suites[name], names, base, settings)]
    places = [place for place, one in enumerate(found) if one.name in rounds and one.p is not None]
    adjusted = dict(zip(places, holm([found[place].p for place in places]), strict=True))
    return [replace(one, p=adjusted.get(place)) for place, one in enumerate(found)]


def measure_suite(collection: str, ability: str, names: list[str], base: str, settings: dict) -> list[SuiteScore]:
    """One suite; p not yet adjusted."""
    split = next(split for split in ("test", "dev") if len(read_qrels(collection, split)))
    queries = tables.read("queries", DATA / collection / split / "queries.parquet")
    qrels, grade = read_qrels(collection, split), settings["min_relevance"][collection]
    own = {}
    for name in dict.fromkeys((base, *names)):
        run = ranking_of(name, collection, DEPTH).join(queries, on="query_id", how="semi", maintain_order="left")
        own[name] = measured(ability, run, queries, qrels, grade)
    made = []
    for name in names:
        draw = generator(settings["seed"], "ability", collection)
        between = None if name == base else compare_units(own[base].units, own[name].units, draw)
        made.append(SuiteScore(collection, ability, name, own[name], *(between or (None, None))))
    return made


def read_qrels(collection: str, split: str) -> pl.DataFrame:
    return tables.read("qrels", DATA / collection / split / "qrels.parquet")


def compare_units(before: pl.DataFrame, after: pl.DataFrame, draw: np.random.Generator) -> tuple[Interval, float] | None:
    """What the second ranking measures more, with the 95 % interval and two-sided p; null without units.

    Units of one group are a mean of independent observations: bootstrap and randomisation test, as for any measure. Two groups are an
    AUC: DeLong's test of two correlated AUCs (1988), whose variance is the sum over the groups of that of the mean change.

    Args:
        before, after: group, unit, value, of the same units.
        draw: random numbers.
    """
    both = before.join(after, on=["group", "unit"], suffix="_after", maintain_order="left")
    changes = [part.select(pl.col("value_after") - pl.col("value"))["value_after"].to_numpy() for part in both.partition_by("group")]
    if not changes:
        return None
    if len(changes) == 1:
        [found] = intervals(changes[0][:, None], draw)
        return found, randomisation(changes[0], draw)
    mean = float(changes[0].mean())
    error = math.sqrt(sum(float(change.var(ddof=1)) / len(change) if len(change) > 1 else math.inf for change in changes))
    if math.isinf(error):
        return Interval(mean, -1.0, 1.0, NOTHING_KNOWN), 1.0
    if error <= SAME:
        return Interval(mean, mean, mean), float(abs(mean) <= SAME)
    return Interval(mean, mean - Z * error, mean + Z * error, "normal approximation"), math.erfc(abs(mean) / error / math.sqrt(2))
