"""Labels -> a trained model in memory: what the stage `train` does, for whoever wants a model of other labels."""

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
    """The first loss of a recipe that wants a teacher's grades; null where none does."""
    losses = (methods.find("train.losses", line["method"]) for line in section.losses)
    return next((loss.name for loss in losses if loss.beside("LEARNS_FROM_GRADES", False)), None)


def examples_of(labels: pl.DataFrame, training: TrainingSet, section: Train) -> Examples:
    """What a round with these labels and this section `train` trains on."""
    learning = learns_from_grades(section)
    teacher = teacher_of(labels, f"the loss {learning}") if learning else None
    return examples(labels, training.queries(), training.texts(labels["doc_id"].unique()), teacher, section.queries == "all")


def fitted(
    made: Examples, training: TrainingSet, section: Train, reading: dict, start: ModelFolder, seed: int, checkpoints: Path, device: str,
    checks: Checks | None = None,
) -> tuple[SentenceTransformer, pl.DataFrame]:  # fmt: skip
    """A trained model and the table `trained`. Whoever calls it holds the device's lock.

    Args:
        made: what it is trained on.
        training: for the shares of its collections.
        section: the recipe's section `train`, resolved.
        reading: how texts are read: max_length, prompts, precision.
        start: the model that training starts from.
        seed: of batches and dropout.
        checkpoints: folder for them; a training that was killed goes on from the last one there.
        device: as `device_of` names it.
        checks: dev checks, which are made while it trains; null: none.
    """
    from tasks.train.trainer import DevChecks, train, trainer

    read = Reading.of(reading)
    length = read.length(start)  # refused here, before hours of training
    loaded = start.load(read.length(start, section.max_length), device)
    prompts = {route: read.prompt(start, route) for route in ("query", "document")}
    loaded.prompts = loaded.prompts | prompts
    shares = {collection.name: collection.share for collection in training if collection.share}
    encode = partial(vectors_of, model=loaded, prompts=prompts)
    callbacks = [DevChecks(checks, encode)] if checks else []
    trained = train(trainer(loaded, made, section, prompts, shares, seed, checkpoints, callbacks))
    loaded.max_seq_length = length  # what is saved reads as encoding does, whatever training read
    return loaded, trained


def address(settings: TrainSettings, model: ModelFolder) -> str:
    """What the training is computed from: a checkpoint of anything else must not be gone on from."""
    return fingerprint(
        json.dumps(settings.plain(), sort_keys=True),
        fingerprint_of_file(round_table(settings.round, "labels")),
        fingerprint_of_file(TRAINING_LIST),
        *(model.fingerprint(route) for route in ("query", "document")),
    )
