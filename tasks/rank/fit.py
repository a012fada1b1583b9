"""Trains a cross-encoder on labelled pairs with the trainer of sentence-transformers: seeded,
with checkpoints, resumable.
"""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import torch
from datasets import Dataset
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
from transformers import (
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from hone.config.sections.rank import Rank
from hone.encoders.cross_encoder_inference import last_linear
from hone.stage import Progress, say
from hone.training.arguments import arguments_of
from hone.training.checkpoints import last_checkpoint
from hone.training.network import set_dropout, set_plain_attention
from tasks.rank.start import Start

COMPLETE = "complete"  # written last into a checkpoint


def fitted(
    start: Start,
    pairs: pl.DataFrame,
    section: Rank,
    max_length: int,
    seed: int,
    checkpoints: Path,
    device: str,
) -> tuple[CrossEncoder, int]:
    """A trained cross-encoder and its number of steps. The caller holds the device lock.

    The loss is the binary cross-entropy of a pair's logit and label, as in sentence-transformers.

    Args:
        start: the initial model.
        pairs: query, document (texts), label.
        section: the resolved section `rank` of the recipe.
        max_length: tokens of a pair.
        seed: seed of a new head, batches and dropout.
        checkpoints: their folder. An interrupted training resumes from the last one.
        device: as `device_of` returns it.
    """
    torch.manual_seed(seed)
    model = start.load(max_length, device)
    model.activation_fn = torch.nn.Sigmoid()
    if not start.ranks:
        begin_at(model, pairs["label"].mean())
    if section.dropout is not None:
        set_dropout(model, section.dropout)
    on_cpu = model.device.type == "cpu"
    if on_cpu:
        set_plain_attention(model)
    arguments = CrossEncoderTrainingArguments(
        **arguments_of(section, section.batch, seed, checkpoints, on_cpu)
    )
    trainer = CrossEncoderTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_polars(pairs.select("query", "document", "label")),
        loss=BinaryCrossEntropyLoss(model),
        callbacks=[Steps()],
    )
    trainer.remove_callback(PrinterCallback)
    last = last_checkpoint(checkpoints, COMPLETE)
    if last is not None:
        say(f"rank: resuming from {last.name}")
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    return model, trainer.state.global_step


def begin_at(model: CrossEncoder, share: float) -> None:
    """Initialize the bias of a new head to the fraction of positives, ln(share / (1 - share)). No
    step is then spent on learning it [Hone default].
    """
    head = model.get_submodule(last_linear(model))
    if head.bias is not None:
        torch.nn.init.constant_(head.bias, math.log(share / (1 - share)))


class Steps(TrainerCallback):
    """Marks complete checkpoints, and logs the progress of training."""

    def __init__(self) -> None:
        self.progress: Progress | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.progress = Progress("rank: training steps", state.max_steps)
        self.progress.total -= state.global_step

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.progress.add(1)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()
