"""The trainer of sentence-transformers with Hone's losses and batches: seeded, with checkpoints,
resumable.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import polars as pl
import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from transformers import (
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from hone.config import methods
from hone.config.sections.train import Train
from hone.data import tables
from hone.files import read_json, write_json
from hone.stage import Progress, say
from hone.training.arguments import arguments_of
from hone.training.checkpoints import last_checkpoint
from hone.training.network import set_dropout, set_plain_attention
from tasks.train.batch_sampler import Epochs
from tasks.train.collator import Collator
from tasks.train.dev_checks import Checks, Encode
from tasks.train.examples import NO_POSITIVE, Examples
from tasks.train.negatives import Draw
from tasks.train.objective import Objective

# Written last into a checkpoint. A checkpoint without it is incomplete.
COMPLETE = "trained.parquet"
CHECKS = "dev_checks.json"


def trainer(
    model: SentenceTransformer,
    examples: Examples,
    section: Train,
    prompts: dict[str, str],
    shares: dict[str, float],
    seed: int,
    checkpoints: Path,
    callbacks: Sequence[TrainerCallback] = (),
) -> SentenceTransformerTrainer:
    """A trainer that is ready to start.

    Args:
        model: the model to train, on its device.
        examples: the training examples.
        section: the resolved section `train` of the recipe.
        prompts: by route, as in encoding.
        shares: fractions of the batches for each collection.
        seed: seed of this round's training.
        checkpoints: their folder.
        callbacks: called before a checkpoint counts as complete.
    """
    torch.manual_seed(seed)
    losses = {
        line["method"]: partial(
            methods.find("train.losses", line["method"]).function, **line["parameters"]
        )
        for line in section.losses
    }
    if section.dropout is not None:
        set_dropout(model, section.dropout)
    if model.device.type == "cpu":
        set_plain_attention(model)
    objective = Objective(model, losses, model.similarity_fn_name == "cosine", examples)
    pairs = examples.pairs.with_row_index("row")
    negatives = Draw(examples.negatives, section.negatives, section.draw, seed)
    epochs = Epochs(pairs, section.batch, section.positives, shares, seed, negatives)
    on_cpu = model.device.type == "cpu"
    arguments = SentenceTransformerTrainingArguments(
        **arguments_of(section, epochs.batch_size, seed, checkpoints, on_cpu),
        remove_unused_columns=False,
    )
    made = Trainer(
        epochs,
        model=model,
        args=arguments,
        train_dataset=dataset_of(pairs, examples),
        loss=objective,
        data_collator=Collator(examples, model.preprocess, prompts, lambda: epochs.now),
        callbacks=[*callbacks, Record(objective)],
    )
    made.remove_callback(PrinterCallback)
    return made


class Trainer(SentenceTransformerTrainer):
    """The library's trainer with one of Hone's batch methods."""

    def __init__(self, epochs: Epochs, **given: object) -> None:
        self.epochs = epochs
        super().__init__(**given)

    def get_batch_sampler(self, *_: object, **__: object) -> Epochs:
        return self.epochs

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        """Save without a model card and the pickled arguments, which are not needed and take
        longer than a small model.
        """
        self.model.save_pretrained(output_dir or self.args.output_dir, create_model_card=False)


def dataset_of(pairs: pl.DataFrame, examples: Examples) -> Dataset:
    """The pairs as a dataset of row numbers that can show its texts (for the model card)."""

    def with_texts(batch: dict[str, list[int]]) -> dict[str, list]:
        rows = pairs[batch["row"]]
        return {
            "query": [examples.query_texts[number] for number in rows["query"]],
            "positive": [
                "" if number == NO_POSITIVE else examples.document_texts[number]
                for number in rows["document"]
            ],
            "row": batch["row"],
        }

    return Dataset.from_dict({"row": pairs["row"].to_list()}).with_transform(with_texts)


class Record(TrainerCallback):
    """Sets the objective's step, stores the step record with each checkpoint, and logs the
    progress.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.progress: Progress | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.progress = Progress("train: steps", state.max_steps)
        self.progress.total -= state.global_step

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.objective.step = state.global_step + 1

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.progress.add(1)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        tables.write(
            "trained",
            self.objective.trained,
            Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE,
        )


class DevChecks(TrainerCallback):
    """Runs the dev checks of a training, and stores them with each checkpoint.

    Args:
        checks: the dev checks.
        encode: texts and their route -> vectors by the current weights.
    """

    def __init__(self, checks: Checks, encode: Encode) -> None:
        self.checks, self.encode = checks, encode

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        if state.global_step:
            self.checks.seen = {
                int(step): values for step, values in read_json(checks_file(args, state)).items()
            }

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        if self.checks.due(state.global_step, state.max_steps):
            mean = self.checks.measure(state.global_step, self.encode)
            say(
                f"train: dev check at step {state.global_step:,} of {state.max_steps:,}: nDCG@10 "
                f"{mean:.3f}"
            )

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        write_json(checks_file(args, state), self.checks.seen)


def checks_file(args: TrainingArguments, state: TrainerState) -> Path:
    """The file of the dev checks up to a checkpoint."""
    return Path(args.output_dir) / f"checkpoint-{state.global_step}" / CHECKS


def train(ready: SentenceTransformerTrainer) -> pl.DataFrame:
    """Train to the end, from the last complete checkpoint if there is one. Returns the table
    `trained`.
    """
    last = last_checkpoint(Path(ready.args.output_dir), COMPLETE)
    if last is not None:
        ready.loss.record = [tables.read("trained", last / COMPLETE)]
        say(f"train: resuming from {last.name}")
    ready.train(resume_from_checkpoint=str(last) if last else None)
    return ready.loss.trained
