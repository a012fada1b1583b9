"""A study in MLflow: one run for the study and a child run for each arm and round; logged runs are
not logged again.

A study is identified by its name and settings, not by its number of seeds: more seeds replace the
child runs.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from hone.files import fingerprint
from hone.present.mlflow_client import (
    CONTENT,
    find_child,
    find_parent,
    flatten,
    log_metrics,
    log_new_points,
    log_params,
    open_client,
)
from hone.present.provenance import read_commit

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

STUDY, EXPERIMENT_OF_SEED = "hone.study", "hone.experiment"
GIT = "mlflow.source.git.commit"
SHORT = 16


@dataclass(frozen=True)
class Child:
    """An arm after one of its rounds.

    Attributes:
        arm, round: their names.
        place: of the round, from 1: the step of its metrics.
        params: recipe, question, steps and so on.
        metrics: over all seeds.
        by_seed: {measure: {seed: mean over queries}}; the seed is the step.
        experiments: {seed: address of its trial}.
    """

    arm: str
    round: str
    place: int
    params: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    by_seed: dict[str, dict[int, float]] = field(default_factory=dict)
    experiments: dict[int, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.arm} {self.round}"

    @property
    def content(self) -> str:
        """A fingerprint of everything that is logged."""
        return fingerprint(json.dumps(asdict(self), sort_keys=True))


def log(
    name: str, asks: dict[str, Any], children: list[Child], points: dict[str, float], seeds: int
) -> int:
    """Log a study's current results.

    Args:
        name: of the study.
        asks: the settings without the number of seeds: question, arms, rounds, collections, model.
        children: every arm after every round.
        points: measures of the study itself, such as its contrasts; their step is `seeds`.
        seeds: largest number of seeds of any arm.

    Returns:
        The number of new child runs.
    """
    address = fingerprint(name, json.dumps(asks, sort_keys=True))[:SHORT]
    loop = {"loop": address, "name": f"study {name} ({address[:6]})"}
    with open_client() as client:
        parent, new = find_parent(client, loop)
        if new:
            log_params(client, parent.info.run_id, flatten(asks))
            client.set_tag(parent.info.run_id, STUDY, name)
        made = sum(log_child(client, loop, parent, name, child) for child in children)
        log_new_points(client, parent.info.run_id, points, seeds)
        client.set_terminated(parent.info.run_id)
    return made


def log_child(
    client: MlflowClient, loop: dict[str, Any], parent: Run, name: str, child: Child
) -> bool:
    """Log an arm after a round unless it is logged already; return whether it is new."""
    run, new = find_child(client, loop, parent, child.name, child.content)
    own = run.info.run_id
    if new:
        log_params(client, own, flatten(child.params))
        log_metrics(
            client, own, [(key, value, child.place) for key, value in child.metrics.items()]
        )
        log_metrics(
            client,
            own,
            [
                (key, value, seed)
                for key, values in child.by_seed.items()
                for seed, value in values.items()
            ],
        )
        commit = read_commit()
        tags = {
            STUDY: name,
            **{
                f"{EXPERIMENT_OF_SEED}.{seed}": experiment
                for seed, experiment in child.experiments.items()
            },
        }
        for key, value in (tags | ({GIT: commit} if commit else {})).items():
            client.set_tag(own, key, value)
        client.set_tag(
            own, CONTENT, child.content
        )  # last: an interrupted run lacks it and is replaced
        client.set_terminated(own)
    return new
