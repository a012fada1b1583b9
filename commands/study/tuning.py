"""Equal tuning: every arm is tried with the same training settings, and the study uses the one
that is best on dev.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from commands.study.arms import Trial, trial_of
from commands.study.design import Question
from commands.study.results import MEASURE
from commands.study.trial_results import TrialResult
from hone.config.params import Params
from hone.present.number_format import join_words, score
from tasks.train.card import spelled

SPLIT = "dev"  # if test queries selected a setting, its test score would be optimistic


@dataclass(frozen=True)
class Try:
    """One arm with one setting, with a seed that the study itself does not use.

    Attributes:
        arm: the name of the arm in the study.
        setting: changes to `train`.
        trial: the trial of this setting.
    """

    arm: str
    setting: dict[str, Any]
    trial: Trial


@dataclass(frozen=True)
class Choice:
    """The setting chosen for an arm.

    Attributes:
        arm: the name of the arm.
        settings: the settings that were tried.
        dev: the mean nDCG@10 on dev queries for each setting, after the last round, averaged over
            collections.
    """

    arm: str
    settings: list[dict[str, Any]]
    dev: list[float]

    @property
    def taken(self) -> dict[str, Any]:
        """The best setting; the first one if several are equal."""
        return self.settings[int(np.argmax(self.dev))]

    @property
    def at_the_edge(self) -> bool:
        """Whether the first or the last of three or more settings was best, so that a more
        extreme one may be better.
        """
        return len(self.settings) > 2 and int(np.argmax(self.dev)) in (0, len(self.settings) - 1)


def tries_of(question: Question, given: Params) -> list[Try]:
    """Every arm with every setting, all arms of a setting before the next one; none if the study
    has no tuning.
    """
    return [
        Try(
            arm,
            setting,
            replace(
                trial_of(arm, question.first_seed, question, given, setting),
                arm=f"{arm}-setting{place}",
            ),
        )
        for place, setting in enumerate(question.tune, start=1)
        for arm in question.arms
    ]


def choices(
    tries: list[Try], found: dict[str, TrialResult], collections: list[str]
) -> dict[str, Choice]:
    """The chosen setting of each arm whose tuning is finished.

    Args:
        tries: the tuning trials of the study.
        found: their results, by trial name.
        collections: the collections whose dev queries are used.
    """
    made = {}
    for arm in dict.fromkeys(one.arm for one in tries):
        own = [one for one in tries if one.arm == arm]
        if all(one.trial.name in found for one in own):
            made[arm] = Choice(
                arm,
                [one.setting for one in own],
                [on_dev(found[one.trial.name], collections) for one in own],
            )
    return made


def on_dev(result: TrialResult, collections: list[str]) -> float:
    """nDCG@10 on dev queries after the last round, averaged over collections."""
    last = list(result.facts["rounds"])[-1]
    return float(
        np.mean([result.measured(last, name, SPLIT)[MEASURE].mean() for name in collections])
    )


def sentences(
    question: Question, made: dict[str, Choice], queries: str = "dev queries"
) -> list[str]:
    """Sentences on the settings that were tried and chosen.

    Args:
        question: of the study.
        made: the chosen settings by arm.
        queries: the dev queries for readers.
    """
    if not question.tune:
        return []
    tried = join_words([spelled(setting) for setting in question.tune])
    lines = [
        f"Equal tuning: each arm was tried on {queries} with {tried} (seed "
        f"{question.first_seed}). It is measured with unseen seeds "
        f"({question.all_seeds[0]} to {question.all_seeds[-1]})."
    ]
    split = queries.removesuffix(" queries")
    for choice in made.values():
        others = ", ".join(
            f"{spelled(setting)}: {score(value)}"
            for setting, value in zip(choice.settings, choice.dev, strict=True)
        )
        edge = (
            "; this is the most extreme setting tried, and one beyond it may be better"
            if choice.at_the_edge
            else ""
        )
        lines.append(
            f"{choice.arm} uses {spelled(choice.taken)} (nDCG@10 on {split}: {others}){edge}."
        )
    return lines


def table(made: dict[str, Choice]) -> pl.DataFrame:
    """A row for each arm and setting: arm, setting, ndcg_at_10 on dev, taken."""
    rows = [
        (choice.arm, spelled(setting), value, setting is choice.taken)
        for choice in made.values()
        for setting, value in zip(choice.settings, choice.dev, strict=True)
    ]
    schema = {"arm": pl.String, "setting": pl.String, MEASURE: pl.Float64, "taken": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")
