"""What a retriever's training and a ranker's have in common, as arguments of sentence-transformers' trainers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hone.config.sections.rank import Rank
    from hone.config.sections.train import Train


def arguments_of(section: Train | Rank, batch: int, seed: int, checkpoints: Path, on_cpu: bool) -> dict[str, Any]:
    """Keyword arguments: seeded, checkpointed, silent.

    Args:
        section: `train` or `rank` of a recipe, resolved.
        batch: rows of a batch.
        seed: of this training.
        checkpoints: folder for them; the newest two are kept.
        on_cpu: whether it works on a processor.
    """
    return {
        "output_dir": str(checkpoints),
        "num_train_epochs": section.epochs,
        "max_steps": section.steps or -1,
        "per_device_train_batch_size": batch,
        "learning_rate": section.learning_rate,
        "warmup_steps": section.warmup,  # below 1: a share of all steps
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
