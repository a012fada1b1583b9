"""MLflow runs: one database in HONE_HOME, one parent run per loop, one child run per round; none is
logged twice.

Runs are found by tags, never by MLflow's run id. DVC therefore tracks the same files on every
machine, and a deleted database is filled again.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hone.errors import Refused
from hone.files import home
from hone.layout import MLFLOW_LOOP
from hone.urls import without_secrets

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

LOOP = MLFLOW_LOOP
EXPERIMENT = "hone"
# Tags that identify a run: the loop's address and, for a child, its round and a fingerprint of
# everything it logs.
ADDRESS, ROUND, CONTENT = "hone.loop", "hone.round", "hone.content"
PARENT = "mlflow.parentRunId"
QUERIES = "queries"  # folder of a run's artifacts with the measures of each query
# Tag that lists measures with NaN or infinite values.
UNDEFINED = "hone.undefined"
# Limits of MLflow's client: batch sizes, and length of a parameter's value.
METRICS_AT_ONCE, PARAMS_AT_ONCE, CHARACTERS = 1000, 100, 6000


@contextmanager
def open_client() -> Iterator[MlflowClient]:
    """MLflow's client, for one process at a time, because processes that create the database at the
    same time fail.

    Raises:
        Refused: MLflow cannot be used. The message omits passwords that MLflow's own error
            contains.
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
            raise Refused(
                f"MLflow cannot be used: {without_secrets(str(error), address)}"
            ) from None


def address_of_server() -> str:
    """The tracking URI: MLFLOW_TRACKING_URI, or the database in HONE_HOME."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


def experiment(client: MlflowClient) -> str:
    """The id of the experiment that holds all loops."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found:
        return found.experiment_id
    # A database names a folder below the current one for files; that may be the temporary one of an
    # experiment of DVC.
    own = (home() / "mlflow-files").as_uri() if address_of_server().startswith("sqlite:") else None
    return client.create_experiment(EXPERIMENT, artifact_location=own)


def find_runs(client: MlflowClient, tag: str, value: str) -> list[Run]:
    """All runs with a tag, newest first."""
    found, token = [], None
    while True:
        page = client.search_runs(
            [experiment(client)],
            f"tags.`{tag}` = '{value}'",
            order_by=["attributes.start_time DESC"],
            page_token=token,
        )
        found += page
        token = page.token
        if not token:
            return found


def find_parent(client: MlflowClient, loop: dict[str, Any]) -> tuple[Run, bool]:
    """The run of a loop, created if it is missing, and whether it is new."""
    parents = [
        run for run in find_runs(client, ADDRESS, loop["loop"]) if PARENT not in run.data.tags
    ]
    if parents:
        return parents[0], False
    return client.create_run(
        experiment(client), run_name=loop["name"], tags={ADDRESS: loop["loop"]}
    ), True


def find_child(
    client: MlflowClient, loop: dict[str, Any], parent: Run, name: str, content: str
) -> tuple[Run, bool]:
    """The run of a round in a loop, and whether it is new.

    A run with other contents is deleted (MLflow can restore it) and replaced, because logged values
    cannot be changed.
    """
    for run in find_runs(client, ADDRESS, loop["loop"]):
        if run.data.tags.get(PARENT) == parent.info.run_id and run.data.tags.get(ROUND) == name:
            if run.data.tags.get(CONTENT) == content:
                return run, False
            client.delete_run(run.info.run_id)
    # The contents tag is set last, so an interrupted run is replaced.
    tags = {PARENT: parent.info.run_id, ADDRESS: loop["loop"], ROUND: name}
    return client.create_run(experiment(client), run_name=name, tags=tags), True


def log_params(client: MlflowClient, run_id: str, values: dict[str, Any]) -> None:
    """Log settings; values that are too long for MLflow are truncated."""
    from mlflow.entities import Param

    params = [Param(key, str(value)[:CHARACTERS]) for key, value in values.items()]
    for start in range(0, len(params), PARAMS_AT_ONCE):
        client.log_batch(run_id, params=params[start : start + PARAMS_AT_ONCE])


def log_metrics(client: MlflowClient, run_id: str, values: list[tuple[str, float, int]]) -> None:
    """Log name, value and step of measures. NaN and infinite values are skipped, and the tag
    UNDEFINED lists them.

    MLflow's database does not recognize a duplicate NaN, so logging it again would fail.
    """
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    metrics = [Metric(key, value, now, step) for key, value, step in values if math.isfinite(value)]
    for start in range(0, len(metrics), METRICS_AT_ONCE):
        client.log_batch(run_id, metrics=metrics[start : start + METRICS_AT_ONCE])
    if undefined := {key for key, value, _ in values if not math.isfinite(value)}:
        before = client.get_run(run_id).data.tags.get(UNDEFINED, "")
        client.set_tag(
            run_id,
            UNDEFINED,
            ", ".join(sorted(undefined.union(filter(None, before.split(", ")))))[:CHARACTERS],
        )


def log_new_points(client: MlflowClient, run_id: str, values: dict[str, float], step: int) -> None:
    """Log measures at a step, except those whose newest value at this step is the same."""
    newest = {
        key: max(
            (point for point in client.get_metric_history(run_id, key) if point.step == step),
            key=lambda point: point.timestamp,
            default=None,
        )
        for key in values
    }
    log_metrics(
        client,
        run_id,
        [
            (key, value, step)
            for key, value in values.items()
            if newest[key] is None or newest[key].value != value
        ],
    )


def flatten(value: Any, name: str = "") -> dict[str, Any]:
    """Settings without nesting: {"losses.0.method": "infonce"}; an empty list or section is
    written as such.
    """
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = ((str(place), item) for place, item in enumerate(value))
    else:
        return {name: value}
    found: dict[str, Any] = {}
    for key, item in parts:
        found |= flatten(item, f"{name}.{key}" if name else key)
    return found or ({name: value} if name else {})
