"""Arguments of sentence-transformers' trainers that retriever and ranker share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol


class TrainingSection(Protocol):
    """The settings that the sections `train` and `rank` of a recipe share."""

    epochs: float
    steps: int | None
    learning_rate: float
    warmup: float
    schedule: str
    weight_decay: float
    precision: str
    checkpoint_steps: int


def arguments_of(
    section: TrainingSection, batch: int, seed: int, checkpoints: Path, on_cpu: bool
) -> dict[str, Any]:
    """Keyword arguments: seeded, with checkpoints, without console output.

    Args:
        section: resolved `train` or `rank` section of a recipe.
        batch: rows in a batch.
        seed: seed of this training.
        checkpoints: folder of the checkpoints. The newest two are kept.
        on_cpu: whether training runs on a CPU.
    """
    return {
        "output_dir": str(checkpoints),
        "num_train_epochs": section.epochs,
        "max_steps": section.steps or -1,
        "per_device_train_batch_size": batch,
        "learning_rate": section.learning_rate,
        "warmup_steps": section.warmup,  # below 1: a fraction of all steps
        "lr_scheduler_type": section.schedule,
        "weight_decay": section.weight_decay,
        "bf16": section.precision == "bf16",
        "fp16": section.precision == "fp16",
        "use_cpu": on_cpu,
        "seed": seed,
        "data_seed": seed,
        "save_strategy": "steps",
        "save_steps": section.checkpoint_steps,
        "save_total_limit": 2,
        "logging_strategy": "steps",
        "logging_steps": 10,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": not on_cpu,
    }
