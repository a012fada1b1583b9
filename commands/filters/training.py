"""Train and evaluate one arm with one seed. Results are cached by a hash of their inputs, so
nothing is trained twice.
"""

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
from typing import TYPE_CHECKING

import polars as pl

from commands.filters.arms import Arm
from hone.config import stage_settings
from hone.config.sections.train import Train
from hone.data import tables
from hone.data.eval_splits import EvaluationSplit, evaluation_table, read_evaluation_splits
from hone.data.tables import Documents
from hone.data.training_set import TrainingSet
from hone.encoders.device_lock import torch_lock
from hone.encoders.encoder import encoder_for
from hone.encoders.model_folder import ModelFolder
from hone.encoders.precision import device_of
from hone.errors import Refused
from hone.files import (
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
from hone.ir.results import choose_ranking_part
from hone.layout import MODELS, TRAINING_LIST, collection_table
from hone.seeds import seed_of
from tasks.evaluate.settings import EvaluateSettings
from tasks.train.fit import examples_of, fitted, learns_from_grades
from tasks.train.settings import TrainSettings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

USER = "bench-labels"


@dataclass(frozen=True)
class Run:
    """The training and evaluation settings of a round.

    Attributes:
        settings: resolved settings of the round's stage `train`. They include its code, so a
            changed loss is trained again.
        section: the section `train`, with the requested steps.
        start: the starting model of every training.
        evaluation: settings of the stage `evaluate` on the collection.
    """

    settings: TrainSettings
    section: Train
    start: Path
    collection: str
    evaluation: EvaluateSettings
    training: TrainingSet

    @cached_property
    def judged(self) -> EvaluationSplit:
        """The evaluation split: test, or dev if no test query is judged."""
        return read_evaluation_splits(self.collection, self.evaluation.min_relevance)[0]

    @cached_property
    def shared(self) -> str:
        """A hash of everything that all arms share: settings, code, texts, the starting model,
        and the evaluation data.
        """
        settings = {
            name: value
            for name, value in self.settings.plain().items()
            if name not in ("round", "from", "recipe", "paper")
        }
        start, split = ModelFolder(self.start), self.judged.split
        read = [
            collection_table(self.collection, "documents"),
            *(evaluation_table(self.collection, name, split) for name in ("queries", "qrels")),
            collection_table(self.collection, "ranked", split),
        ]
        return fingerprint(
            json.dumps(
                [settings, self.section.model_dump(mode="json"), self.evaluation.plain()],
                sort_keys=True,
            ),
            fingerprint_of_file(TRAINING_LIST),
            *(start.fingerprint(route) for route in ("query", "document")),
            *(fingerprint_of_file(file) for file in read if file.exists()),
        )


def run_of(round: str, steps: int | None, collection: str, training: TrainingSet) -> Run:
    """The training settings of a round, with at least one negative per query and the requested
    steps.

    Raises:
        Refused: the round trains on judges' scores, which arms do not have.
    """
    settings = TrainSettings.read(round=round)
    changes = {"negatives": max(1, settings.train.negatives)} | ({"steps": steps} if steps else {})
    section = settings.train.model_copy(update=changes)
    if loss := learns_from_grades(section):
        raise Refused(
            f"Round {round} uses the loss {loss}, which needs judges' scores. The arms have none. "
            "Choose a round with another loss."
        )
    start = MODELS / ("r0" if section.init == "base" else settings.parent)
    return Run(
        settings, section, start, collection, EvaluateSettings.read(collection=collection), training
    )


@dataclass(frozen=True)
class StoredResult:
    """The result of one training.

    Attributes:
        values: query_id and every measure, of each judged query.
        seconds: time for training and evaluation.
    """

    values: pl.DataFrame
    seconds: float


@dataclass(frozen=True)
class Trial:
    """One arm trained with one seed.

    Attributes:
        run: settings and evaluation data, which all trials share.
        arm: the labels to train on.
        seed: seed of batches and dropout. All arms of a seed have the same positives, so they get
            the same batches.
    """

    run: Run
    arm: Arm
    seed: int

    @cached_property
    def key(self) -> str:
        """A hash of the labels, the seed, and everything that the trials of a run share."""
        labels = BytesIO()
        self.arm.labels.write_ipc(labels)
        return fingerprint(self.run.shared, labels.getvalue(), str(self.seed))[:32]

    @property
    def file(self) -> Path:
        """The table with the trial's result. A JSON file with the same name is written after it."""
        return home() / USER / f"{self.key}.parquet"

    @property
    def checkpoints(self) -> Path:
        return home() / "checkpoints" / self.key

    def stored(self) -> StoredResult | None:
        """The result of an earlier run; null if there is none."""
        about = self.file.with_suffix(".json")
        return (
            StoredResult(pl.read_parquet(self.file), read_json(about)["seconds"])
            if about.exists()
            else None
        )

    def train(self) -> StoredResult:
        """Train and evaluate as the stages do, and write the result."""
        began = time.monotonic()
        device = device_of(stage_settings.machine()["device"])
        with thrown_away(home() / USER / "model") as model, torch_lock(device):
            self.fit(device).save_pretrained(str(model))
            values = evaluated(self.run, model)
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        found = StoredResult(values, time.monotonic() - began)
        with written_whole(self.file) as part:
            values.write_parquet(part)
        about = {
            "arm": self.arm.name,
            "seed": self.seed,
            "round": self.run.settings.round,
            "on": self.run.collection,
        }
        # The JSON file is written last: a table without it is incomplete.
        write_json(self.file.with_suffix(".json"), about | {"seconds": round(found.seconds, 1)})
        return found

    def fit(self, device: str) -> SentenceTransformer:
        """The trained model. The caller holds the device's lock."""
        run = self.run
        made = examples_of(self.arm.labels, run.training, run.section)
        own = seed_of(run.settings.seed, USER, f"seed {self.seed}", "train")
        start = ModelFolder(run.start)
        return fitted(
            made,
            run.training,
            run.section,
            run.settings.model,
            start,
            own,
            self.checkpoints,
            device,
        )[0]


def evaluated(run: Run, model: Path) -> pl.DataFrame:
    """query_id and every measure of a model on the judged split of the collection."""
    documents, part = Documents(collection_table(run.collection, "documents")), run.judged
    task = task_of(run.evaluation.task)
    encoder = encoder_for(
        model,
        reading_for(task, run.evaluation.model, run.evaluation.task, model),
        stage_settings.machine(),
        user=USER,
    )
    with vectors_forgotten(encoder):
        ranked = by_encoder(
            encoder,
            part.queries,
            documents,
            part.qrels,
            choose_ranking_part(part, task, run.evaluation.own_id),
        )
    first = ranked.filter(pl.int_range(pl.len()).over("query_id") < DEPTH)
    return per_query(first, part.qrels, run.evaluation.min_relevance)


@contextmanager
def thrown_away(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path`. Folders that killed runs left there are also removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(
        tempfile.mkdtemp(prefix=f"{part_prefix(path)}{part_owner()}.", suffix=PART, dir=path.parent)
    )
    try:
        with being_written(folder) as now:
            remove_abandoned(path, now)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def vectors_forgotten(encoder) -> Iterator[None]:
    """Remove the embeddings that only this model needs from the cache, because the model is not
    kept.
    """
    try:
        yield
    finally:
        for folder in {encoder.space(route).folder for route in ("query", "document")}:
            uses = folder / "uses.json"
            if uses.exists() and set(read_json(uses)) == {USER}:
                shutil.rmtree(folder)


def written(path: Path, rows: pl.DataFrame) -> None:
    """A table of every arm, seed and query."""
    with written_whole(path) as part:
        rows.write_parquet(part, compression="zstd", row_group_size=tables.ROWS_PER_GROUP)
