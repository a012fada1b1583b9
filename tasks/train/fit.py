"""From labels to a trained model in memory, for the stage `train` and for other callers."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from hone.config import methods
from hone.config.sections.train import Train
from hone.data.training_set import TrainingSet
from hone.encoders.encoder import Reading
from hone.encoders.model_folder import ModelFolder
from hone.files import fingerprint, fingerprint_of_file
from hone.layout import TRAINING_LIST, round_table
from hone.training.teacher import teacher_of
from tasks.train.dev_checks import Checks, vectors_of
from tasks.train.examples import Examples, examples
from tasks.train.settings import TrainSettings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def learns_from_grades(section: Train) -> str | None:
    """The first loss of a recipe that needs a teacher's grades. Null if none does."""
    losses = (methods.find("train.losses", line["method"]) for line in section.losses)
    return next((loss.name for loss in losses if loss.beside("LEARNS_FROM_GRADES", False)), None)


def examples_of(labels: pl.DataFrame, training: TrainingSet, section: Train) -> Examples:
    """The training examples for these labels and this section `train`."""
    learning = learns_from_grades(section)
    teacher = teacher_of(labels, f"the loss {learning}") if learning else None
    return examples(
        labels,
        training.queries(),
        training.texts(labels["doc_id"].unique()),
        teacher,
        section.queries == "all",
    )


def fitted(
    made: Examples,
    training: TrainingSet,
    section: Train,
    reading: dict,
    start: ModelFolder,
    seed: int,
    checkpoints: Path,
    device: str,
    checks: Checks | None = None,
) -> tuple[SentenceTransformer, pl.DataFrame]:
    """A trained model and the table `trained`. The caller holds the device lock.

    Args:
        made: the training examples.
        training: the training set, for the shares of its collections.
        section: the resolved section `train` of the recipe.
        reading: reading settings: max_length, prompts, precision.
        start: the initial model.
        seed: seed of batches and dropout.
        checkpoints: their folder. An interrupted training resumes from the last one.
        device: as `device_of` returns it.
        checks: dev checks during training. Null: none.
    """
    from tasks.train.trainer import DevChecks, train, trainer

    read = Reading.of(reading)
    length = read.length(start)  # refuse before hours of training
    loaded = start.load(read.length(start, section.max_length), device)
    prompts = {route: read.prompt(start, route) for route in ("query", "document")}
    loaded.prompts = loaded.prompts | prompts
    shares = {collection.name: collection.share for collection in training if collection.share}
    encode = partial(vectors_of, model=loaded, prompts=prompts)
    callbacks = [DevChecks(checks, encode)] if checks else []
    trained = train(trainer(loaded, made, section, prompts, shares, seed, checkpoints, callbacks))
    loaded.max_seq_length = (
        length  # the saved model has the settings of encoding, not those of training
    )
    return loaded, trained


def address(settings: TrainSettings, model: ModelFolder) -> str:
    """A hash of all training inputs. Checkpoints of other inputs must not be resumed."""
    return fingerprint(
        json.dumps(settings.plain(), sort_keys=True),
        fingerprint_of_file(round_table(settings.round, "labels")),
        fingerprint_of_file(TRAINING_LIST),
        *(model.fingerprint(route) for route in ("query", "document")),
    )
