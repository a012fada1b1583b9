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

COMPARED = (
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
    """The settings in which each arm differs from params.yaml, by arm: its factors, and the
    training settings of its last round.

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
            own = [f"{name} {format_setting(value)}" for name, value in trial.factors.items()]
            found[trial.arm] = own + (
                [f"trained by `{trial.command}`"] if trial.command else changed(trial, rule)
            )
    return found


def changed(trial: Trial, reference: dict[str, Any]) -> list[str]:
    """The training settings of a trial's last round that differ from the reference."""
    section = trial.settings[f"rounds/{list(trial.rounds)[-1]}/train"]["train"]
    return [
        f"{name} {format_setting(section[name])}"
        for name in COMPARED
        if format_setting(section[name]) != format_setting(reference[name])
        and reference[name] != "auto"
    ]


def format_setting(value: Any) -> str:
    """A setting as text."""
    if isinstance(value, list):
        return " + ".join(map(format_setting, value))
    if isinstance(value, dict) and "method" in value:
        return f"{value['method']} ({spelled(value['parameters'])})"
    if isinstance(value, dict):
        return spelled(value)
    return str(value)
