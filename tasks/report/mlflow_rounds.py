"""track: a round's settings, scores and loss, and the way to its artefacts -> its run in MLflow."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hone.files import fingerprint, fingerprint_of_file, read_json, write_json
from hone.layout import BASE, metrics_file, query_values_file
from hone.present.mlflow_client import CONTENT, LOOP, QUERIES, child_of, flat, log_metrics, log_new_points, log_params, memory, parent_of
from hone.present.provenance import git_commit, hashes
from hone.stage import run, say
from tasks.report.loss import read_loss
from tasks.report.settings import TrackSettings

PREFECT_RUN = "HONE_PREFECT_RUN"  # set by the flow


def main(settings: TrackSettings, round: str) -> None:
    """Log a round, or a reference such as r0 or bm25, as a child of the loop's run."""
    scores = {name: read_json(metrics_file(round, name)) for name in settings.evaluate_on}
    made = settings.made
    loss = read_loss(round) if made else None
    artefacts = hashes(outputs(round, made))
    queries = [query_values_file(round, name) for name in settings.evaluate_on]
    kept = [fingerprint_of_file(file) for file in queries]
    content = fingerprint(json.dumps([made, scores, sorted(artefacts.items()), kept], sort_keys=True))
    loop, measures = read_json(LOOP), measures_of(scores, settings.measures)
    with memory() as client:
        parent, _ = parent_of(client, loop)
        child, new = child_of(client, loop, parent, round, content)
        own = child.info.run_id
        if new:
            log_params(client, own, flat(made or {}))
            log_metrics(client, own, [(key, value, settings.position or 0) for key, value in measures.items()])
            if loss is not None:
                log_metrics(client, own, [("loss", value, step) for step, value in loss.iter_rows()])
            for file in queries:  # ids and measures, no text: two runs can be held against each other query by query
                client.log_artifact(own, str(file), QUERIES)
            for key, value in tags(made, artefacts).items():
                client.set_tag(own, key, value)
            client.set_tag(own, CONTENT, content)
            client.set_terminated(own)
        if settings.position is not None:
            log_new_points(client, parent.info.run_id, measures, settings.position)
            client.set_terminated(parent.info.run_id)
    write_json(Path("reports/mlflow") / f"{round}.json", loop | {"round": round, "content": content})
    say(f"track {round}: {'logged' if new else 'was logged already'} in {loop['name']}")


def outputs(round: str, made: dict | None) -> dict[str, str]:
    """The outputs of DVC that a run leads to, each with its tag; round r0 is one folder, and other references have none."""
    if made is None and round != BASE:
        return {}
    return {f"models/{round}": "dvc.model", f"rounds/{round}/labels.parquet" if made else f"rounds/{round}": "dvc.labels"}


def tags(made: dict | None, artefacts: dict[str, str]) -> dict[str, str]:
    """Where a run comes from, as far as it is known: recipe, starting round, DVC's hashes, commit, Prefect's run."""
    commit, flow = git_commit(), os.environ.get(PREFECT_RUN)
    return {
        **({"hone.recipe": made["recipe"], "hone.from": made["from"]} if made else {}),
        **artefacts,
        **({"mlflow.source.git.commit": commit} if commit else {}),
        **({"prefect.flow_run_id": flow} if flow else {}),
    }


def measures_of(scores: dict[str, dict], wanted: list[str]) -> dict[str, float]:
    """{"scifact.ndcg_at_10": .., "scifact.dev.ndcg_at_10": .., "scifact.mteb.ndcg_at_10": ..}"""
    return {
        f"{collection}.{split}{measure}": values[measure]
        for collection, found in scores.items()
        for split, values in (("", found), ("dev.", found.get("dev", {})), ("mteb.", found.get("mteb", {})))
        for measure in (wanted if split != "mteb." else values)
        if values.get(measure) is not None
    }


if __name__ == "__main__":
    run(main)
