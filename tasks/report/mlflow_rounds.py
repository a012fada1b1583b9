"""track: a round's settings, scores, loss and DVC hashes -> its MLflow run."""

from __future__ import annotations

import json
import os

from hone.files import fingerprint, fingerprint_of_file, read_json, write_json
from hone.ir.split_names import is_generated
from hone.layout import BASE, metrics_file, mlflow_run_file, query_values_file
from hone.present.mlflow_client import (
    CONTENT,
    LOOP,
    QUERIES,
    find_child,
    find_parent,
    flatten,
    log_metrics,
    log_new_points,
    log_params,
    open_client,
)
from hone.present.provenance import read_commit, read_hashes
from hone.stage import run, say
from tasks.report.loss import read_loss
from tasks.report.settings import TrackSettings

PREFECT_RUN = "HONE_PREFECT_RUN"  # set by the flow
GENERATED_DEV = "hone.generated_dev_queries"


def main(settings: TrackSettings, round: str) -> None:
    """Log a round, or a reference such as r0 or bm25, as a child of the loop's run."""
    scores = {name: read_json(metrics_file(round, name)) for name in settings.evaluate_on}
    made = settings.made
    loss = read_loss(round) if made else None
    artefacts = read_hashes(outputs(round, made))
    queries = [query_values_file(round, name) for name in settings.evaluate_on]
    fingerprints = [fingerprint_of_file(file) for file in queries]
    content = fingerprint(
        json.dumps([made, scores, sorted(artefacts.items()), fingerprints], sort_keys=True)
    )
    loop, measures = read_json(LOOP), measures_of(scores, settings.measures)
    with open_client() as client:
        parent, _ = find_parent(client, loop)
        child, new = find_child(client, loop, parent, round, content)
        own = child.info.run_id
        if new:
            log_params(client, own, flatten(made or {}))
            log_metrics(
                client,
                own,
                [(key, value, settings.position or 0) for key, value in measures.items()],
            )
            if loss is not None:
                log_metrics(
                    client, own, [("loss", value, step) for step, value in loss.iter_rows()]
                )
            for file in (
                queries
            ):  # ids and measures without texts, so that two runs can be compared by query
                client.log_artifact(own, str(file), QUERIES)
            for key, value in (tags(made, artefacts) | describe_dev(scores)).items():
                client.set_tag(own, key, value)
            client.set_tag(own, CONTENT, content)
            client.set_terminated(own)
        if settings.position is not None:
            log_new_points(client, parent.info.run_id, measures, settings.position)
            client.set_terminated(parent.info.run_id)
    write_json(mlflow_run_file(round), loop | {"round": round, "content": content})
    say(f"track {round}: {'logged' if new else 'already logged'} in {loop['name']}")


def outputs(round: str, made: dict | None) -> dict[str, str]:
    """The DVC outputs of a run with the tag of each hash; r0 is one folder, other references
    have none.
    """
    if made is None and round != BASE:
        return {}
    return {
        f"models/{round}": "dvc.model",
        f"rounds/{round}/labels.parquet" if made else f"rounds/{round}": "dvc.labels",
    }


def tags(made: dict | None, artefacts: dict[str, str]) -> dict[str, str]:
    """Known provenance of a run: recipe, starting round, DVC hashes, commit, Prefect run."""
    commit, flow = read_commit(), os.environ.get(PREFECT_RUN)
    return {
        **({"hone.recipe": made["recipe"], "hone.from": made["from"]} if made else {}),
        **artefacts,
        **({"mlflow.source.git.commit": commit} if commit else {}),
        **({"prefect.flow_run_id": flow} if flow else {}),
    }


def describe_dev(scores: dict[str, dict]) -> dict[str, str]:
    """The tag with the collections whose dev measures come from generated queries. Empty: none."""
    generated = [name for name, found in scores.items() if is_generated(found)]
    return {GENERATED_DEV: ", ".join(generated)} if generated else {}


def measures_of(scores: dict[str, dict], wanted: list[str]) -> dict[str, float]:
    """{"scifact.ndcg_at_10": .., "scifact.dev.ndcg_at_10": .., "scifact.mteb.ndcg_at_10": ..}"""
    return {
        f"{collection}.{split}{measure}": values[measure]
        for collection, found in scores.items()
        for split, values in (
            ("", found),
            ("dev.", found.get("dev", {})),
            ("mteb.", found.get("mteb", {})),
        )
        for measure in (wanted if split != "mteb." else values)
        if values.get(measure) is not None
    }


if __name__ == "__main__":
    run(main)
