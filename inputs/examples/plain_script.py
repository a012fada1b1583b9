"""A plain sentence-transformers script, which `studies/plain-script.yaml` compares with recipes.

It trains with in-batch negatives alone, and sees the same pairs, base model and number of steps.
"""

from __future__ import annotations

import argparse

from datasets import load_dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.losses import MultipleNegativesRankingLoss
from sentence_transformers.training_args import BatchSamplers


def main() -> None:
    """Train a model on pairs of a query and a relevant document, and save it."""
    words = argparse.ArgumentParser(description=main.__doc__)
    words.add_argument("--base", required=True, help="the folder of the base model")
    words.add_argument("--pairs", required=True, help="JSON Lines with `anchor` and `positive`")
    words.add_argument("--out", required=True, help="the model folder to write")
    words.add_argument("--steps", type=int, required=True)
    words.add_argument("--seed", type=int, required=True)
    given = words.parse_args()
    model = SentenceTransformer(given.base, device="cpu")
    pairs = load_dataset("json", data_files=given.pairs, split="train")
    settings = SentenceTransformerTrainingArguments(
        output_dir=f"{given.out}-checkpoints",
        max_steps=given.steps,
        per_device_train_batch_size=64,
        learning_rate=5e-5,
        warmup_ratio=0.1,
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        seed=given.seed,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
    )
    trainer = SentenceTransformerTrainer(
        model,
        settings,
        train_dataset=pairs.select_columns(["anchor", "positive"]),
        loss=MultipleNegativesRankingLoss(model),
    )
    trainer.train()
    model.save_pretrained(given.out)


if __name__ == "__main__":
    main()
