"""Diagnostic sets: the measure of each (methods in tasks/evaluate/abilities/), and its value for
a ranking.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hone.config import methods
from hone.stats.proportions import Estimate

PLACE = "evaluate.abilities"


@dataclass(frozen=True)
class Measured:
    """The value of a diagnostic measure for a ranking.

    Attributes:
        measure: its name in metrics files.
        chance: the chance level, for a random ranking.
        found: the value with its interval. Null if nothing can be measured.
        units: group, unit, value: independent observations. The measure is their mean in each
            group. Two rankings are compared unit by unit.
    """

    measure: str
    chance: float
    found: Estimate
    units: pl.DataFrame

    @property
    def figures(self) -> dict[str, float | int | None]:
        """The entry for metrics files: the measure, the ends of its interval, and the number of
        units.
        """
        return {
            self.measure: self.found.estimate,
            f"{self.measure}_low": self.found.low,
            f"{self.measure}_high": self.found.high,
            "units": self.found.count,
        }


def measured(
    ability: str, run: pl.DataFrame, queries: pl.DataFrame, qrels: pl.DataFrame, min_relevance: int
) -> Measured:
    """Measure one ability in one ranking.

    Args:
        ability: its name.
        run: query_id, doc_id, score.
        queries: query_id of every query of the split.
        qrels: query_id, doc_id, relevance.
        min_relevance: the lowest relevance grade of a relevant document.
    """
    return methods.find(PLACE, ability)(
        {}, run=run, queries=queries, qrels=qrels, min_relevance=min_relevance
    )


def measures() -> tuple[str, ...]:
    """The names of all measures of one ability."""
    return tuple(methods.find(PLACE, name).beside("MEASURE") for name in methods.names(PLACE))


def describe_measure(ability: str | None, figures: dict[str, float | int | None]) -> str:
    """The measure for a log line about an evaluation. Empty if the collection is not a
    diagnostic set.
    """
    if ability is None:
        return ""
    measure = methods.find(PLACE, ability).beside("MEASURE")
    if figures[measure] is None:
        return f", {measure}: nothing to measure"
    low, high = figures[f"{measure}_low"], figures[f"{measure}_high"]
    return (
        f", {measure} {figures[measure]:.4f} ({low:.3f} to {high:.3f}, {figures['units']:,} units)"
    )


def module(ability: str) -> str:
    """The module of a measure, for the fingerprint of a stage's code."""
    return methods.find(PLACE, ability).module
