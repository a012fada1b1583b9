"""open: the MLflow run that contains the rounds of a loop.

Training data, base model, model settings, seed and rounds identify a loop. A round added or removed
at the end does not change its identity; a changed round does, so a loop's curve in MLflow always
connects rounds that were trained from one another. The collections for evaluation are not part of
the identity.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hone.files import fingerprint, fingerprint_of_file, write_json
from hone.layout import TRAINING_LIST
from hone.present.mlflow_client import (
    ADDRESS,
    LOOP,
    find_parent,
    find_runs,
    flatten,
    log_params,
    open_client,
)
from hone.stage import run, say
from tasks.report.settings import OpenSettings

if TYPE_CHECKING:
    from mlflow import MlflowClient

DATA, ROUNDS = "hone.data", "hone.rounds"
SHORT = 16


def main(settings: OpenSettings) -> None:
    """Find or create the run of the loop, and write the address that identifies it."""
    data = fingerprint(
        json.dumps(settings.loop, sort_keys=True), fingerprint_of_file(TRAINING_LIST)
    )[:SHORT]
    rounds = [fingerprint(json.dumps(made, sort_keys=True))[:SHORT] for made in settings.rounds]
    with open_client() as client:
        address = known_loop(client, data, rounds) or fingerprint(data, *rounds)[:SHORT]
        name = (
            f"{settings.loop['model']['name']} on {', '.join(settings.loop['train_on'])} "
            f"({address[:6]})"
        )
        loop = {"loop": address, "name": name}
        parent, new = find_parent(client, loop)
        if new:
            log_params(client, parent.info.run_id, flatten(settings.loop))
        client.set_tag(parent.info.run_id, DATA, data)
        longest = max(rounds, json.loads(parent.data.tags.get(ROUNDS, "[]")), key=len)
        client.set_tag(parent.info.run_id, ROUNDS, json.dumps(longest))
    write_json(LOOP, loop)
    say(f"open: {name} in MLflow ({'new' if new else 'existing'} loop)")


def known_loop(client: MlflowClient, data: str, rounds: list[str]) -> str | None:
    """The address of the newest loop on these data whose rounds are a prefix of these rounds, or
    the other way round; null if none.
    """
    for known in find_runs(client, DATA, data):
        known_rounds = json.loads(known.data.tags.get(ROUNDS, "[]"))
        if known_rounds[: len(rounds)] == rounds[: len(known_rounds)]:
            return known.data.tags[ADDRESS]
    return None


if __name__ == "__main__":
    run(main)
