"""One arm trained with one seed and evaluated: kept under what it was computed from, so that the same is never trained twice."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

import polars as pl

from commands.bench_labels.arms import Arm
from hone.config import stage_settings
from hone.data import tables
from hone.data.eval_splits import Asked, asked
from hone.data.tables import Documents
from hone.data.training_set import TrainingSet
from hone.encoders.device_lock import torch_lock
from hone.encoders.encoder import encoder_for
from hone.encoders.model_folder import ModelFolder
from hone.encoders.precision import device_of
from hone.errors import Refused
from hone.files import (  # fmt: skip
    PART,
    being_written,
    fingerprint,
    fingerprint_of_file,
    home,
    part_owner,
    part_prefix,
    read_json,
    remove_abandoned,
    write_json,
    written_whole,
)
from hone.ir.measures import DEPTH, per_query
from hone.ir.mteb import reading_for, task_of
from hone.ir.ranking import by_encoder
from hone.ir.results import kept_for
from hone.layout import DATA, MODELS, TRAINING_LIST
from hone.seeds import seed_of
from tasks.train.fit import examples_of, fitted, learns_from_grades

USER = "bench-labels"


@dataclass(frozen=True)
class Run:
    """How a round trains and what it is evaluated on.

    Attributes:
        settings: of the round's stage `train`, resolved; its code counts, so that a changed loss trains anew.
        section: of `train`, with the steps that were asked for.
        start: the model that every training starts from.
        evaluation: settings of the stage `evaluate` on the collection.
    """

    settings: dict
    section: dict
    start: Path
    collection: str
    evaluation: dict
    training: TrainingSet

    @cached_property
    def judged(self) -> Asked:
        """The split that is evaluated: test, or dev where no test query is judged."""
        return asked(self.collection, self.evaluation["min_relevance"])[0]

    @cached_property
    def shared(self) -> str:
        """A hash of what is the same for all arms: settings and code, texts, the model that is trained, and what it is evaluated on."""
        settings = {name: value for name, value in self.settings.items() if name not in ("round", "from", "recipe", "paper")}
        start, folder, split = ModelFolder(self.start), DATA / self.collection, self.judged.split
        read = [folder / "documents.parquet", *(folder / split / f"{name}.parquet" for name in ("queries", "qrels", "ranked"))]
        return fingerprint(
            json.dumps([settings, self.section, self.evaluation], sort_keys=True),
            fingerprint_of_file(TRAINING_LIST),
            *(start.fingerprint(route) for route in ("query", "document")),
            *(fingerprint_of_file(file) for file in read if file.exists()),
        )


def run_of(round: str, steps: int | None, collection: str, training: TrainingSet) -> Run:
    """How a round trains, with at least one negative of each query and as many steps as are asked for.

    Raises:
        Refused: the round learns from judges' grades, which arms do not have.
    """
    settings = stage_settings.of_round(round, "train")
    section = settings["train"] | {"negatives": max(1, settings["train"]["negatives"])} | ({"steps": steps} if steps else {})
    if loss := learns_from_grades(section):
        raise Refused(f"round {round} trains with the loss {loss}, which learns from judges' grades: the arms here have none.")
    start = MODELS / ("r0" if section["init"] == "base" else settings["from"])
    return Run(settings, section, start, collection, stage_settings.of_stage(f"evaluate/{collection}"), training)


@dataclass(frozen=True)
class Kept:
    """The result of one training.

    Attributes:
        values: query_id and every measure, of each judged query.
        seconds: that training and evaluation took.
    """

    values: pl.DataFrame
    seconds: float


def key_of(run: Run, arm: Arm, seed: int) -> str:
    """What a result is computed from: labels and seed, and all that the arms of a run share."""
    labels = BytesIO()
    arm.labels.write_ipc(labels)
    return fingerprint(run.shared, labels.getvalue(), str(seed))[:32]


def kept(key: str) -> Kept | None:
    """What was found before; null where this was never trained."""
    file = place_of(key)
    if not file.with_suffix(".json").exists():
        return None
    return Kept(pl.read_parquet(file), read_json(file.with_suffix(".json"))["seconds"])


def trained(run: Run, arm: Arm, seed: int, key: str) -> Kept:
    """Train and evaluate as the stages do, and keep the result.

    The draws follow the seed alone: with the same positives all arms of a seed have the same batches.
    """
    began = time.monotonic()
    device = device_of(stage_settings.machine()["device"])
    with thrown_away(home() / USER / "model") as model, torch_lock(device):
        made = examples_of(arm.labels, run.training, run.section)
        checkpoints = home() / "checkpoints" / key
        own = seed_of(run.settings["seed"], USER, f"seed {seed}", "train")
        fit, _ = fitted(made, run.training, run.section, run.settings["model"], ModelFolder(run.start), own, checkpoints, device)
        fit.save_pretrained(str(model))
        values = evaluated(run, model)
    shutil.rmtree(checkpoints, ignore_errors=True)
    found = Kept(values, time.monotonic() - began)
    file = place_of(key)
    with written_whole(file) as part:
        values.write_parquet(part)
    about = {"arm": arm.name, "seed": seed, "round": run.settings["round"], "on": run.collection, "seconds": round(found.seconds, 1)}
    write_json(file.with_suffix(".json"), about)  # last: a result without it was cut off
    return found


def evaluated(run: Run, model: Path) -> pl.DataFrame:
    """query_id and every measure of a model on the judged split of the collection."""
    documents, part = Documents(DATA / run.collection / "documents.parquet"), run.judged
    task = task_of(run.evaluation["task"])
    encoder = encoder_for(model, reading_for(task, run.evaluation, model), stage_settings.machine(), user=USER)
    with vectors_forgotten(encoder):
        ranked = by_encoder(encoder, part.queries, documents, part.qrels, kept_for(part, task, run.evaluation.get("own_id", "keep")))
    first = ranked.filter(pl.int_range(pl.len()).over("query_id") < DEPTH)
    return per_query(first, part.qrels, run.evaluation["min_relevance"])


@contextmanager
def thrown_away(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path`; what a run that was killed left there goes too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{part_prefix(path)}{part_owner()}.", suffix=PART, dir=path.parent))
    try:
        with being_written(folder) as now:
            remove_abandoned(path, now)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def vectors_forgotten(encoder) -> Iterator[None]:
    """Leave nothing in the store that only this model needs: it is thrown away."""
    try:
        yield
    finally:
        for folder in {encoder.space(route).folder for route in ("query", "document")}:
            uses = folder / "uses.json"
            if uses.exists() and set(read_json(uses)) == {USER}:
                shutil.rmtree(folder)


def place_of(key: str) -> Path:
    return home() / USER / f"{key}.parquet"


def written(path: Path, rows: pl.DataFrame) -> None:
    """A table of every arm, seed and query."""
    with written_whole(path) as part:
        rows.write_parquet(part, compression="zstd", row_group_size=tables.ROWS_PER_GROUP)
