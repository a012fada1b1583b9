"""Training settings in which an arm differs from params.yaml: batch, start, negatives, losses,
learning rate.
"""

from __future__ import annotations

from typing import Any

from commands.study.arms import Trial
from hone.config.methods import checked
from hone.config.params import Params
from hone.config.sections.train import Train
from tasks.train.card import spelled

SAID = (
    "init",
    "losses",
    "batch",
    "negatives",
    "positives",
    "learning_rate",
    "warmup",
    "schedule",
    "dropout",
    "weight_decay",
    "precision",
)


def differences(trials: list[Trial], given: Params) -> dict[str, list[str]]:
    """The settings in which the last round of each arm differs from params.yaml, by arm.

    Args:
        trials: the trials of the study; the first of each arm is read.
        given: the user's params.yaml. Its section `train`, with Hone's defaults, is the reference.
    """
    plain = Train(**given.train)
    rule = plain.model_dump(mode="json") | {
        "losses": [
            checked("train.losses", line, "params.yaml: train.losses") for line in plain.losses
        ],
        "batch": checked("train.batch", plain.batch, "params.yaml: train.batch"),
    }
    found: dict[str, list[str]] = {}
    for trial in trials:
        if trial.arm not in found:
            section = trial.settings[f"rounds/{list(trial.rounds)[-1]}/train"]["train"]
            found[trial.arm] = [
                f"{name} {said(section[name])}"
                for name in SAID
                if said(section[name]) != said(rule[name]) and rule[name] != "auto"
            ]
    return found


def said(value: Any) -> str:
    """A setting as text."""
    if isinstance(value, list):
        return " + ".join(map(said, value))
    if isinstance(value, dict) and "method" in value:
        return f"{value['method']} ({spelled(value['parameters'])})"
    return str(value)
