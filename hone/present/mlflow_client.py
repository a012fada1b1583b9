"""Runs in MLflow: one database in HONE_HOME, one parent for a loop, one child for each round; none is logged twice.

A run is found by its tags and never by MLflow's own id, so that what DVC keeps of it is the same on every machine, and a
database that was deleted is filled again.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hone.addresses import without_secrets
from hone.errors import Refused
from hone.files import home
from hone.layout import MLFLOW_LOOP

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

LOOP = MLFLOW_LOOP
EXPERIMENT = "hone"
# The tags by which runs are found: the loop's address, and, in a child, its round and a fingerprint of all it logs.
ADDRESS, ROUND, CONTENT = "hone.loop", "hone.round", "hone.content"
PARENT = "mlflow.parentRunId"
QUERIES = "queries"  # folder of a run's artifacts with the measures of each query
# The tag that names measures of which some value is NaN or infinite.
UNDEFINED = "hone.undefined"
# What MLflow's client takes at once, and how long a parameter's value may be.
METRICS_AT_ONCE, PARAMS_AT_ONCE, CHARACTERS = 1000, 100, 6000


@contextmanager
def memory() -> Iterator[MlflowClient]:
    """MLflow's client, one user at a time: six processes that made the database at once broke five (tried).

    Raises:
        Refused: MLflow cannot be used. Its own words repeat the address, passwords included, and are cleaned of them.
    """
    from filelock import FileLock

    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with FileLock(home() / "mlflow.lock"):
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        for noisy in ("alembic", "mlflow"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        address = address_of_server()
        try:
            yield MlflowClient(address)
        except MlflowException as error:
            raise Refused(f"MLflow cannot be used: {without_secrets(str(error), address)}") from None


def address_of_server() -> str:
    """Where runs are kept: what MLFLOW_TRACKING_URI says, or the database in HONE_HOME."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


def experiment(client: MlflowClient) -> str:
    """The id of the experiment that holds all loops."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found:
        return found.experiment_id
    # A database names a folder below the current one for files; that may be the temporary one of an experiment of DVC.
    own = (home() / "mlflow-files").as_uri() if address_of_server().startswith("sqlite:") else None
    return client.create_experiment(EXPERIMENT, artifact_location=own)


def runs_with(client: MlflowClient, tag: str, value: str) -> list[Run]:
    """All runs that have a tag, the newest first."""
    found, token = [], None
    while True:
        page = client.search_runs(
            [experiment(client)], f"tags.`{tag}` = '{value}'", order_by=["attributes.start_time DESC"], page_token=token
        )
        found += page
        token = page.token
        if not token:
            return found


def parent_of(client: MlflowClient, loop: dict[str, Any]) -> tuple[Run, bool]:
    """The run of a loop as LOOP names it, made where it is missing, and whether it is new."""
    there = [run for run in runs_with(client, ADDRESS, loop["loop"]) if PARENT not in run.data.tags]
    if there:
        return there[0], False
    return client.create_run(experiment(client), run_name=loop["name"], tags={ADDRESS: loop["loop"]}), True


def child_of(client: MlflowClient, loop: dict[str, Any], parent: Run, name: str, content: str) -> tuple[Run, bool]:
    """The run of a round in a loop, and whether it is new.

    A run with other contents is MLflow's to keep as deleted (its page can bring it back), and a new one takes its place: what was
    logged of a run cannot be changed.
    """
    for run in runs_with(client, ADDRESS, loop["loop"]):
        if run.data.tags.get(PARENT) == parent.info.run_id and run.data.tags.get(ROUND) == name:
            if run.data.tags.get(CONTENT) == content:
                return run, False
            client.delete_run(run.info.run_id)
    # The tag of its contents is set when all is logged: a run that was broken off is replaced.
    tags = {PARENT: parent.info.run_id, ADDRESS: loop["loop"], ROUND: name}
    return client.create_run(experiment(client), run_name=name, tags=tags), True


def log_params(client: MlflowClient, run_id: str, values: dict[str, Any]) -> None:
    """Log settings; what MLflow would refuse for its length is cut."""
    from mlflow.entities import Param

    params = [Param(key, str(value)[:CHARACTERS]) for key, value in values.items()]
    for start in range(0, len(params), PARAMS_AT_ONCE):
        client.log_batch(run_id, params=params[start : start + PARAMS_AT_ONCE])


def log_metrics(client: MlflowClient, run_id: str, values: list[tuple[str, float, int]]) -> None:
    """Log name, value and step of measures. NaN and infinite values are left out, and the tag UNDEFINED names them.

    MLflow's database does not recognise a NaN that it has already, and fails the run that logs it again.
    """
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    metrics = [Metric(key, value, now, step) for key, value, step in values if math.isfinite(value)]
    for start in range(0, len(metrics), METRICS_AT_ONCE):
        client.log_batch(run_id, metrics=metrics[start : start + METRICS_AT_ONCE])
    if undefined := {key for key, value, _ in values if not math.isfinite(value)}:
        before = client.get_run(run_id).data.tags.get(UNDEFINED, "")
        client.set_tag(run_id, UNDEFINED, ", ".join(sorted(undefined.union(filter(None, before.split(", ")))))[:CHARACTERS])


def log_new_points(client: MlflowClient, run_id: str, values: dict[str, float], step: int) -> None:
    """Log measures at a step, without those whose newest value at this step is the same."""
    newest = {
        key: max((point for point in client.get_metric_history(run_id, key) if point.step == step), key=lambda point: point.timestamp,
                 default=None)
        for key in values
    }  # fmt: skip
    log_metrics(client, run_id, [(key, value, step) for key, value in values.items() if newest[key] is None or newest[key].value != value])


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Settings without nesting: {"losses.0.method": "infonce"}; an empty list or section is written as such."""
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = ((str(place), item) for place, item in enumerate(value))
    else:
        return {name: value}
    found: dict[str, Any] = {}
    for key, item in parts:
        found |= flat(item, f"{name}.{key}" if name else key)
    return found or ({name: value} if name else {})
