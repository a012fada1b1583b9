"""The systems of `hone compare`: evaluated rounds and references of this checkout, and MLflow
runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from hone.errors import Refused, listed, nearest
from hone.files import fingerprint_of_file, folder_written_whole, home
from hone.ir.provenance import GENERATED, has_generated_dev, of_table, unlike
from hone.layout import QUERY_VALUES, collection_table, generated_table, run_file
from hone.present.mlflow_client import QUERIES, ROUND, experiment, open_client
from hone.present.number_format import join_words

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RUN = re.compile(r"[0-9a-f]{6,32}")


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of a system.

    Attributes:
        name: the displayed name.
        files: the table of per-query measures, by collection.
        here: whether it was evaluated in this checkout, which then has its rankings and texts.
    """

    name: str
    files: dict[str, Path]
    here: bool


def find_evaluation(name: str) -> Evaluation:
    """A round or reference of this checkout, or an MLflow run by its id or a prefix of it.

    Raises:
        Refused: the name or run does not exist, the run has no per-query measures, or a ranking is
            missing.
    """
    here = {folder.name: sorted(folder.glob("*.parquet")) for folder in QUERY_VALUES.glob("*")}
    if files := here.get(name):
        for file in files:
            if not (run := run_file(name, file.stem)).exists():
                raise Refused(
                    f"{run} is missing (an output of `evaluate`). Run `dvc pull` or `dvc repro`."
                )
        return Evaluation(name, {file.stem: file for file in files}, here=True)
    if RUN.fullmatch(name):
        return fetch_run(name)
    known = [other for other, found in here.items() if found]
    hint = nearest(name, known) if known else "run `dvc repro` first."
    end = "" if hint.endswith(("?", ".")) else "."
    raise Refused(
        f"'{name}' has not been evaluated: {hint}{end} To compare MLflow runs, use their run ids."
    )


def fetch_run(name: str) -> Evaluation:
    """A run's tables, downloaded once to HONE_HOME.

    Raises:
        Refused: no run or several runs match the prefix, or the run has no tables.
    """
    with open_client() as client:
        run = find_run(client, name)
        folder = home() / "compared" / run.info.run_id
        if not folder.exists():
            files = [
                one.path
                for one in client.list_artifacts(run.info.run_id, QUERIES)
                if one.path.endswith(".parquet")
            ]
            if not files:
                raise Refused(
                    f"The MLflow run {run.info.run_id} ({run.info.run_name}) has no per-query "
                    "measures. It is a loop, not a round, "
                    "or an older version of Hone logged it. For a loop, name one of its rounds."
                )
            with folder_written_whole(folder) as place:
                for path in files:
                    client.download_artifacts(run.info.run_id, path, str(place))
    tables = {file.stem: file for file in sorted(folder.rglob("*.parquet"))}
    return Evaluation(
        f"{run.data.tags.get(ROUND, run.info.run_name)} of run {run.info.run_id[:8]}",
        tables,
        here=False,
    )


def find_run(client: MlflowClient, name: str) -> Run:
    """The run whose id starts with `name`."""
    found, token = [], None
    while True:
        page = client.search_runs([experiment(client)], page_token=token)
        found += [run for run in page if run.info.run_id.startswith(name)]
        token = page.token
        if not token:
            break
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused(
            f"Several MLflow runs start with '{name}': {listed(run.info.run_id for run in found)}."
        )
    raise Refused(
        f"'{name}' has not been evaluated, and no MLflow run id starts with it. `make ui` shows "
        "the run ids."
    )


def refuse_unlike(one: Evaluation, other: Evaluation, collection: str) -> str | None:
    """A warning if the documents or labels of an evaluation are not recorded; null if both used the
    same ones.

    Raises:
        Refused: documents or labels differ, so the difference would not be due to the models.
    """
    before, after = (of_table(each.files[collection]) for each in (one, other))
    if before is None or after is None:
        silent = join_words(
            [each.name for each, recorded in ((one, before), (other, after)) if recorded is None]
        )
        return (
            "It is not known whether both were evaluated on the same documents and labels of "
            f"{collection}. An older version of Hone "
            f"did not record this when it evaluated {silent}. `dvc repro` evaluates again."
        )
    if names := unlike(before, after):
        raise Refused(
            f"{one.name} and {other.name} were not evaluated on the same {collection}, so the "
            "difference would not be due to the "
            f"models. These files differ: {listed(names)}. `dvc repro` updates outdated "
            "evaluations of this checkout."
        )
    return None


def find_query_texts(
    one: Evaluation, other: Evaluation, collection: str, split: str
) -> Path | None:
    """The file of the query texts; null if it is missing, or if its ids may belong to different
    queries.
    """
    recorded = [of_table(each.files[collection]) for each in (one, other)]
    made = split == "dev" and any(found and has_generated_dev(found) for found in recorded)
    name = f"{GENERATED}/queries.parquet" if made else f"{split}/queries.parquet"
    file = (
        generated_table(collection, "queries", split)
        if made
        else collection_table(collection, "queries", split)
    )
    if not file.exists():
        return None
    known = {found.get(name) for found in recorded if found is not None}
    sure = known <= {fingerprint_of_file(file)} and all(
        each.here or found for each, found in zip((one, other), recorded, strict=True)
    )
    return file if sure else None


def list_generated(one: Evaluation, values: dict[str, pl.DataFrame]) -> list[str]:
    """The collections whose compared queries are generated dev queries.

    Args:
        one: an evaluation with its provenance.
        values: the compared queries with their `split`, by collection.
    """
    recorded = {name: of_table(one.files[name]) for name in values}
    return [
        name
        for name, frame in values.items()
        if frame["split"][0] == "dev" and recorded[name] and has_generated_dev(recorded[name])
    ]


def select_collections(
    one: Evaluation, other: Evaluation, on: str | None, without: Iterable[str] = ()
) -> list[str]:
    """Collections that both were evaluated on, or the requested one.

    Args:
        one, other: the compared systems.
        on: the requested collection; null: all except `without`.
        without: collections that are compared only on request.

    Raises:
        Refused: no collection qualifies.
    """
    if one == other:
        raise Refused(f"'{one.name}' is compared with itself. Name two different rounds.")
    common = sorted(set(one.files) & set(other.files))
    if on is not None and on not in common:
        raise Refused(
            f"{one.name} and {other.name} were not both evaluated on '{on}': {nearest(on, common)}"
        )
    if not common:
        raise Refused(
            f"{one.name} and {other.name} were evaluated on different collections "
            f"({listed(one.files)}; {listed(other.files)})."
        )
    return [name for name in common if name not in without] or common if on is None else [on]
