"""What `hone compare` holds against each other: rounds and references that were evaluated here, and runs in MLflow."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hone.errors import Refused, listed, nearest
from hone.files import fingerprint_of_file, folder_written_whole, home
from hone.ir.provenance import of_table, unlike
from hone.layout import DATA, QUERY_VALUES, run_file
from hone.present.mlflow_client import QUERIES, ROUND, experiment, open_client
from hone.present.number_format import join_words

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RUN = re.compile(r"[0-9a-f]{6,32}")


@dataclass(frozen=True)
class Evaluated:
    """Something that was evaluated.

    Attributes:
        name: as sentences and tables call it.
        files: by collection, the table of every query's measures.
        here: whether it was evaluated in this checkout, so that its rankings and its collections' texts are here too.
    """

    name: str
    files: dict[str, Path]
    here: bool


def evaluated(name: str) -> Evaluated:
    """A round or reference of this checkout, or a run in MLflow by its id or how that begins.

    Raises:
        Refused: there is no such name or run, the run has no table of its queries, or a ranking that belongs to it is missing.
    """
    here = {folder.name: sorted(folder.glob("*.parquet")) for folder in QUERY_VALUES.glob("*")}
    if files := here.get(name):
        for file in files:
            if not (run := run_file(name, file.stem)).exists():
                raise Refused(f"{run} is missing, which `evaluate` writes beside the scores: `dvc pull` or `dvc repro` brings it.")
        return Evaluated(name, {file.stem: file for file in files}, here=True)
    if RUN.fullmatch(name):
        return in_mlflow(name)
    known = [other for other, found in here.items() if found]
    hint = nearest(name, known)
    raise Refused(f"'{name}' was not evaluated here: {hint}{'' if hint.endswith('?') else '.'} A run in MLflow is named by its id.")


def in_mlflow(name: str) -> Evaluated:
    """A run's tables, fetched once into HONE_HOME.

    Raises:
        Refused: no run, or several, have an id that begins so; or it has no tables.
    """
    with open_client() as client:
        run = run_of(client, name)
        folder = home() / "compared" / run.info.run_id
        if not folder.exists():
            files = [one.path for one in client.list_artifacts(run.info.run_id, QUERIES) if one.path.endswith(".parquet")]
            if not files:
                raise Refused(
                    f"the run {run.info.run_id} ({run.info.run_name}) has no table of its queries: it is a loop and no round, or was "
                    "logged before Hone kept them. Of a loop, name one of its rounds."
                )
            with folder_written_whole(folder) as place:
                for path in files:
                    client.download_artifacts(run.info.run_id, path, str(place))
    tables = {file.stem: file for file in sorted(folder.rglob("*.parquet"))}
    return Evaluated(f"{run.data.tags.get(ROUND, run.info.run_name)} of run {run.info.run_id[:8]}", tables, here=False)


def run_of(client: MlflowClient, name: str) -> Run:
    """The run whose id begins so."""
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
        raise Refused(f"several runs in MLflow begin with '{name}': {listed(run.info.run_id for run in found)}.")
    raise Refused(f"'{name}' was not evaluated here, and no run of MLflow's experiment begins so: `make ui` shows their ids.")


def refuse_unlike(one: Evaluated, other: Evaluated, collection: str) -> str | None:
    """What cannot be known of whether both were evaluated on the same documents and labels; null where they were.

    Raises:
        Refused: they were not, so that the difference would be of data and not of models.
    """
    before, after = (of_table(each.files[collection]) for each in (one, other))
    if before is None or after is None:
        silent = join_words([each.name for each, said in ((one, before), (other, after)) if said is None])
        return (
            f"It is not known whether both were evaluated on the same documents and labels of {collection}: Hone did not keep that yet "
            f"when it evaluated {silent}. `dvc repro` evaluates again."
        )
    if names := unlike(before, after):
        raise Refused(
            f"{one.name} and {other.name} were not evaluated on the same {collection}, and the difference would be of data and not of "
            f"models. These differ: {listed(names)}. `dvc repro` evaluates what is stale here; a run on other data is for its own loop."
        )
    return None


def texts_here(one: Evaluated, other: Evaluated, collection: str, split: str) -> Path | None:
    """The file of the queries' texts; null where this checkout has none, or may have those of other queries under the same ids."""
    name = f"{split}/queries.parquet"
    file = DATA / collection / name
    if not file.exists():
        return None
    said = [of_table(each.files[collection]) for each in (one, other)]
    known = {found.get(name) for found in said if found is not None}
    sure = known <= {fingerprint_of_file(file)} and all(each.here or found for each, found in zip((one, other), said, strict=True))
    return file if sure else None


def in_common(one: Evaluated, other: Evaluated, on: str | None, without: Iterable[str] = ()) -> list[str]:
    """Collections that both were evaluated on, or the one that is asked for.

    Args:
        one, other: what is compared.
        on: the collection that is asked for; null: all but those of `without`.
        without: what is compared only where it is asked for.

    Raises:
        Refused: there is none.
    """
    if one == other:
        raise Refused(f"'{one.name}' is compared with itself: name two rounds.")
    common = sorted(set(one.files) & set(other.files))
    if on is not None and on not in common:
        raise Refused(f"{one.name} and {other.name} were not both evaluated on '{on}': {nearest(on, common)}")
    if not common:
        raise Refused(f"{one.name} and {other.name} were evaluated on different collections ({listed(one.files)}; {listed(other.files)}).")
    return [name for name in common if name not in without] or common if on is None else [on]
