"""Suites for one ability: which measure is theirs (the methods in tasks/evaluate/abilities/), and what it says of a ranking."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hone.config import methods
from hone.stats.proportions import Estimate

PLACE = "evaluate.abilities"


@dataclass(frozen=True)
class Measured:
    """What a measure of one ability says of a ranking.

    Attributes:
        measure: its name, as metrics files use it.
        chance: what a ranking by lot has.
        found: with its interval; null where there is nothing to measure.
        units: group, unit, value: independent observations, whose mean in each group is the measure. Two rankings are compared
            unit by unit.
    """

    measure: str
    chance: float
    found: Estimate
    units: pl.DataFrame

    @property
    def figures(self) -> dict[str, float | int | None]:
        """As metrics files hold it: the measure, the ends of its interval, and how many units it rests on."""
        return {
            self.measure: self.found.estimate,
            f"{self.measure}_low": self.found.low,
            f"{self.measure}_high": self.found.high,
            "units": self.found.count,
        }


def measured(ability: str, run: pl.DataFrame, queries: pl.DataFrame, qrels: pl.DataFrame, min_relevance: int) -> Measured:
    """One ability in one ranking.

    Args:
        ability: its name.
        run: query_id, doc_id, score.
        queries: query_id of every query of the split.
        qrels: query_id, doc_id, relevance.
        min_relevance: the grade from which on a document is right.
    """
    return methods.find(PLACE, ability)({}, run=run, queries=queries, qrels=qrels, min_relevance=min_relevance)


def measures() -> tuple[str, ...]:
    """The names of all measures of one ability."""
    return tuple(methods.find(PLACE, name).beside("MEASURE") for name in methods.names(PLACE))


def told(ability: str | None, figures: dict[str, float | int | None]) -> str:
    """The measure in a line about an evaluation; nothing for a collection that is no such suite."""
    if ability is None:
        return ""
    measure = methods.find(PLACE, ability).beside("MEASURE")
    if figures[measure] is None:
        return f", {measure}: nothing to measure"
    low, high = figures[f"{measure}_low"], figures[f"{measure}_high"]
    return f", {measure} {figures[measure]:.4f} ({low:.3f} to {high:.3f}, {figures['units']:,} units)"


def module(ability: str) -> str:
    """Where a measure lies, for the fingerprint of a stage's code."""
    return methods.find(PLACE, ability).module
