"""What arms do otherwise than all others beside what their recipes are about: batch, start, negatives, losses, learning rate."""

from __future__ import annotations

from typing import Any

from commands.study.arms import Trial
from hone.config.methods import checked
from hone.config.params import Params
from hone.config.sections.train import Train
from tasks.train.card import spelled

SAID = ("init", "losses", "batch", "negatives", "positives", "learning_rate", "warmup", "schedule", "dropout", "weight_decay", "precision")


def differences(trials: list[Trial], given: Params) -> dict[str, list[str]]:
    """Of every arm, what its last round trains with that is not the rule here.

    Args:
        trials: of the study; each arm is looked at once.
        given: the user's params.yaml, whose section `train` with Hone's defaults is the rule.
    """
    plain = Train(**given.train)
    rule = plain.model_dump(mode="json") | {
        "losses": [checked("train.losses", line, "params.yaml: train.losses") for line in plain.losses],
        "batch": checked("train.batch", plain.batch, "params.yaml: train.batch"),
    }
    found: dict[str, list[str]] = {}
    for trial in trials:
        if trial.arm not in found:
            section = trial.settings[f"rounds/{list(trial.rounds)[-1]}/train"]["train"]
            found[trial.arm] = [
                f"{name} {said(section[name])}" for name in SAID if said(section[name]) != said(rule[name]) and rule[name] != "auto"
            ]
    return found


def said(value: Any) -> str:
    """A setting in words."""
    if isinstance(value, list):
        return " + ".join(map(said, value))
    if isinstance(value, dict) and "method" in value:
        return f"{value['method']} ({spelled(value['parameters'])})"
    return str(value)
