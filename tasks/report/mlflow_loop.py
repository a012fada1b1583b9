"""open: the MLflow run that the rounds of one loop lie in.

What makes a loop: its training data, base model, way of reading, seed, and what its rounds do. One more round at the end
is the same loop, and so is one less; a round that does something else makes another, so that the line of a loop in
MLflow's page is always that of rounds which came from one another. What it is evaluated on does not make another loop.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hone.files import fingerprint, fingerprint_of_file, write_json
from hone.layout import TRAINING_LIST
from hone.present.mlflow_client import ADDRESS, LOOP, flat, log_params, memory, parent_of, runs_with
from hone.stage import run, say
from tasks.report.settings import OpenSettings

if TYPE_CHECKING:
    from mlflow import MlflowClient

DATA, ROUNDS = "hone.data", "hone.rounds"
SHORT = 16


def main(settings: OpenSettings) -> None:
    """Find the loop's run or make it, and write by which address it is found."""
    data = fingerprint(json.dumps(settings.loop, sort_keys=True), fingerprint_of_file(TRAINING_LIST))[:SHORT]
    rounds = [fingerprint(json.dumps(made, sort_keys=True))[:SHORT] for made in settings.rounds]
    with memory() as client:
        address = known_loop(client, data, rounds) or fingerprint(data, *rounds)[:SHORT]
        name = f"{settings.loop['model']['name']} on {', '.join(settings.loop['train_on'])} ({address[:6]})"
        loop = {"loop": address, "name": name}
        parent, new = parent_of(client, loop)
        if new:
            log_params(client, parent.info.run_id, flat(settings.loop))
        client.set_tag(parent.info.run_id, DATA, data)
        longest = max(rounds, json.loads(parent.data.tags.get(ROUNDS, "[]")), key=len)
        client.set_tag(parent.info.run_id, ROUNDS, json.dumps(longest))
    write_json(LOOP, loop)
    say(f"open: {name} in MLflow, {'a new loop' if new else 'known'}")


def known_loop(client: MlflowClient, data: str, rounds: list[str]) -> str | None:
    """The address of the newest loop on these data whose rounds begin with these, or with which these begin."""
    for known in runs_with(client, DATA, data):
        there = json.loads(known.data.tags.get(ROUNDS, "[]"))
        if there[: len(rounds)] == rounds[: len(there)]:
            return known.data.tags[ADDRESS]
    return None


if __name__ == "__main__":
    run(main)
