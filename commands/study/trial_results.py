"""What a trial gave, kept in HONE_HOME under what it was computed from: a study goes on where it was, and runs nothing twice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from commands.study.cost import Cost, round_of
from hone.config.params import STAGES
from hone.files import home, read_json, write_json, written_whole

USER = "studies"
OF_ROUNDS = (*STAGES, "evaluate")


@dataclass(frozen=True)
class Kept:
    """The result of one trial.

    Attributes:
        values: round (r0: the base model), collection, split, query_id and every measure.
        facts: what was done and counted, as `commands.study.collect_trial` has it.
    """

    values: pl.DataFrame
    facts: dict[str, Any]

    def measured(self, round: str, collection: str, split: str) -> pl.DataFrame:
        """Every judged query of a split, in the order of their ids."""
        here = (pl.col("round") == round) & (pl.col("collection") == collection) & (pl.col("split") == split)
        return self.values.filter(here).sort("query_id")

    @cached_property
    def stages(self) -> dict[str, dict[str, Any]]:
        """What is known of the stages of the trial's own rounds: what all trials share comes before them."""
        return {name: item for name, item in self.facts["stages"].items() if name.partition("@")[0] in OF_ROUNDS}

    def cost(self, round: str) -> Cost:
        """What its rounds took up to one of them, that one included."""
        names = list(self.facts["rounds"])
        upto = set(names[: names.index(round) + 1])
        return Cost({name: item for name, item in self.stages.items() if round_of(name) in upto})

    @property
    def ran_for(self) -> float:
        """Seconds of the stages that ran in this trial."""
        return sum(item["seconds"] for item in self.facts["stages"].values() if item["ran"])


def place_of(address: str) -> Path:
    return home() / USER / f"{address}.parquet"


def kept(address: str) -> Kept | None:
    """What a trial gave; null where it never ended."""
    file = place_of(address)
    if not file.with_suffix(".json").exists():
        return None
    return Kept(pl.read_parquet(file), read_json(file.with_suffix(".json")))


def keep(address: str, found: Kept) -> None:
    file = place_of(address)
    with written_whole(file) as part:
        found.values.write_parquet(part)
    write_json(file.with_suffix(".json"), found.facts)  # last: a result without it was cut off


def known_stages() -> dict[str, dict[str, Any]]:
    """What is known of the stages that any trial ran, by what went into them."""
    known: dict[str, dict[str, Any]] = {}
    for file in sorted((home() / USER).glob("*.json")):
        for stage in read_json(file)["stages"].values():
            if stage["ran"]:
                known[stage["inputs"]] = stage
    return known
