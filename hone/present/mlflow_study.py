"""A study in MLflow: one run for the study, a child for each arm and round; what is there already is not logged again.

A study is found by its name and by what it asks, not by how many seeds it has: more seeds put another run in a child's place.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from hone.files import fingerprint
from hone.present.mlflow_client import CONTENT, child_of, flat, log_metrics, log_new_points, log_params, memory, parent_of
from hone.present.provenance import git_commit

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
        by_seed: of each measure its mean over queries for every seed; a seed is the step.
        experiments: the address of the trial of every seed.
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
        """A hash of all that is logged of it."""
        return fingerprint(json.dumps(asdict(self), sort_keys=True))


def log(name: str, asks: dict[str, Any], children: list[Child], points: dict[str, float], seeds: int) -> int:
    """Log a study's results as they are now.

    Args:
        name: of the study.
        asks: all that makes it this study and no other, whatever the number of seeds: question, arms, rounds, collections, model.
        children: every arm after every round.
        points: of the study itself, such as its contrasts; their step is the number of seeds.
        seeds: that arms have at most.

    Returns:
        How many children were new.
    """
    address = fingerprint(name, json.dumps(asks, sort_keys=True))[:SHORT]
    loop = {"loop": address, "name": f"study {name} ({address[:6]})"}
    with memory() as client:
        parent, new = parent_of(client, loop)
        if new:
            log_params(client, parent.info.run_id, flat(asks))
            client.set_tag(parent.info.run_id, STUDY, name)
        made = sum(logged(client, loop, parent, name, child) for child in children)
        log_new_points(client, parent.info.run_id, points, seeds)
        client.set_terminated(parent.info.run_id)
    return made


def logged(client: MlflowClient, loop: dict[str, Any], parent: Run, name: str, child: Child) -> bool:
    """Log an arm after a round unless it is there; whether it was new."""
    run, new = child_of(client, loop, parent, child.name, child.content)
    own = run.info.run_id
    if new:
        log_params(client, own, flat(child.params))
        log_metrics(client, own, [(key, value, child.place) for key, value in child.metrics.items()])
        log_metrics(client, own, [(key, value, seed) for key, values in child.by_seed.items() for seed, value in values.items()])
        commit = git_commit()
        tags = {STUDY: name, **{f"{EXPERIMENT_OF_SEED}.{seed}": said for seed, said in child.experiments.items()}}
        for key, value in (tags | ({GIT: commit} if commit else {})).items():
            client.set_tag(own, key, value)
        client.set_tag(own, CONTENT, child.content)  # last: a run without it was broken off, and is replaced
        client.set_terminated(own)
    return new
