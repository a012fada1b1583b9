"""The result of a trial: a small Parquet file below reports/studies/NAME/trials/, which the user
commits.

Its rows are the measures of every query. Its metadata has the fingerprints, counts and costs of the
trial, and the machine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from commands.study import command_arm
from commands.study.arms import Fingerprints, Trial
from commands.study.cost import Cost, round_of
from hone.config.params import STAGES
from hone.errors import Refused, listed
from hone.files import written_whole
from hone.layout import trial_folder

KEY = "hone.trial"  # key of the metadata
LAYOUT = 1  # version of the metadata
FACTS = (
    "arm",
    "seed",
    "fingerprints",
    "written",
    "leakage",
    "rounds",
    "stages",
)  # required in the metadata
LARGE = 200_000  # bytes; git keeps every version of a file
LETTERS = pl.String
TYPES = {
    "round": LETTERS,
    "collection": LETTERS,
    "split": LETTERS,
    "query_id": LETTERS,
    "ndcg_at_10": pl.Float64,
    "recall_at_100": pl.Float64,
}
OF_ROUNDS = (*STAGES, "evaluate", command_arm.STAGE, "pairs")


@dataclass(frozen=True)
class TrialResult:
    """The result of one trial.

    Attributes:
        values: round (r0: the base model), collection, split, query_id and every measure.
        facts: settings and counts, see `commands.study.collect_trial`.
    """

    values: pl.DataFrame
    facts: dict[str, Any]

    def measured(self, round: str, collection: str, split: str) -> pl.DataFrame:
        """Every judged query of a split, sorted by id."""
        here = (
            (pl.col("round") == round)
            & (pl.col("collection") == collection)
            & (pl.col("split") == split)
        )
        return self.values.filter(here).sort("query_id")

    @cached_property
    def stages(self) -> dict[str, dict[str, Any]]:
        """The facts of the stages of the trial's rounds, without the stages that all trials
        share.
        """
        return {
            name: item
            for name, item in self.facts["stages"].items()
            if name.partition("@")[0] in OF_ROUNDS
        }

    def cost(self, round: str) -> Cost:
        """The cost of the rounds up to and including one of them."""
        names = list(self.facts["rounds"])
        upto = set(names[: names.index(round) + 1])
        return Cost({name: item for name, item in self.stages.items() if round_of(name) in upto})

    @property
    def ran_for(self) -> float:
        """Seconds of the stages that ran in this trial."""
        return sum(item["seconds"] for item in self.facts["stages"].values() if item["ran"])


@dataclass(frozen=True)
class TrialFile:
    """The file of a trial.

    Attributes:
        path: of the file.
        facts: its metadata.
    """

    path: Path
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        """The trial's name, as `Trial.name`."""
        return f"{self.facts['arm']}, seed {self.facts['seed']}"

    @property
    def fingerprints(self) -> Fingerprints:
        return Fingerprints(**self.facts["fingerprints"])

    def is_older(self, trial: Trial) -> bool:
        """Whether it has the same settings and data as a trial, but other code."""
        there, wanted = self.fingerprints, trial.fingerprints
        return (there.settings, there.data) == (
            wanted.settings,
            wanted.data,
        ) and there.code != wanted.code

    def read(self) -> TrialResult:
        """The result.

        Raises:
            Refused: the file is damaged or lacks a column.
        """
        try:
            values = pl.read_parquet(self.path)
        except Exception as error:  # polars and the file system raise many types
            raise damaged(self.path, error) from None
        odd = [name for name, kind in TYPES.items() if values.schema.get(name) != kind]
        if odd:
            raise Refused(
                f"{self.path} has no column {listed(odd)} of the expected type. {remedy(self.path)}"
            )
        return TrialResult(values, self.facts)


def trial_files(name: str = "*") -> list[TrialFile]:
    """The trial files of a study, or of all studies.

    Raises:
        Refused: one of them is damaged or is not a trial file.
    """
    return [
        TrialFile(file, facts_of(file))
        for file in sorted(Path().glob(f"{trial_folder(name)}/*.parquet"))
    ]


def facts_of(file: Path) -> dict[str, Any]:
    """The metadata of a trial file, without reading its rows.

    Raises:
        Refused: the file is damaged or is not a trial file.
    """
    try:
        metadata = pl.read_parquet_metadata(file)
    except Exception as error:
        raise damaged(file, error) from None
    try:
        facts = json.loads(metadata[KEY])
        layout = facts["layout"]
    except (KeyError, TypeError, ValueError):
        raise Refused(
            f"{file} is not a trial file: its metadata has no '{KEY}'. {remedy(file)}"
        ) from None
    if layout != LAYOUT:
        raise Refused(
            f"{file} has layout {layout}, and this version of Hone reads layout {LAYOUT}. "
            f"{remedy(file)}"
        )
    if missing := [name for name in FACTS if name not in facts]:
        raise Refused(
            f"{file} is not a trial file: its metadata lacks {listed(missing)}. {remedy(file)}"
        )
    return facts


def damaged(file: Path, error: Exception) -> Refused:
    return Refused(f"{file} is damaged ({str(error).splitlines()[0]}). {remedy(file)}")


def remedy(file: Path) -> str:
    return (
        f"Restore it with `git checkout -- {file}`, or delete it and run the study again to "
        "repeat the trial."
    )


def results_of(trials: Sequence[Trial]) -> dict[str, TrialResult]:
    """The results of the finished trials by name, from any study."""
    files = {file.fingerprints: file for file in trial_files()}
    return {
        trial.name: files[trial.fingerprints].read()
        for trial in trials
        if trial.fingerprints in files
    }


def older_files(name: str, trials: Sequence[Trial]) -> dict[str, list[TrialFile]]:
    """The files of a study with the settings and data of a trial but other code, by trial name."""
    files = trial_files(name)
    found = {trial.name: [file for file in files if file.is_older(trial)] for trial in trials}
    return {trial: older for trial, older in found.items() if older}


def write_trial(name: str, trial: Trial, found: TrialResult) -> TrialFile:
    """Write the result of a trial into the folder of a study."""
    facts = {
        "layout": LAYOUT,
        "arm": trial.arm,
        "seed": trial.seed,
        "fingerprints": asdict(trial.fingerprints),
    } | found.facts
    path = trial_folder(name) / f"{trial.arm}-seed{trial.seed}-{trial.address[:8]}.parquet"
    with written_whole(path) as part:
        found.values.write_parquet(part, metadata={KEY: json.dumps(facts)}, statistics=False)
    return TrialFile(path, facts)


def known_stages() -> dict[str, dict[str, Any]]:
    """The facts of the stages that any trial ran, by the hash of their inputs."""
    return {
        stage["inputs"]: stage
        for file in trial_files()
        for stage in file.facts["stages"].values()
        if stage["ran"]
    }
