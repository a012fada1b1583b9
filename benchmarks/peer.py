"""A round as in the documentation of sentence-transformers: mine_hard_negatives, trainer,
InformationRetrievalEvaluator.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl

from benchmarks.workspace import documents, questions
from hone.layout import BASE_MODEL

LENGTH, DEPTH, SHARE, BATCH, RATE, TEMPERATURE = 96, 100, 0.95, 64, 5e-5, 0.05


def load(folder: Path = BASE_MODEL):
    from hone.encoders.model_folder import ModelFolder

    return ModelFolder(folder).load(LENGTH)


def mine(model):
    """Triplets of query, positive and negative. Queries without a negative are missing."""
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    training_queries = questions("train")
    return mine_hard_negatives(
        Dataset.from_dict(training_queries.select("query", "positive").to_dict(as_series=False)),
        model,
        anchor_column_name="query",
        positive_column_name="positive",
        corpus=documents()["text"].to_list(),
        num_negatives=1,
        range_max=DEPTH,
        relative_margin=1 - SHARE,
        sampling_strategy="top",
        verbose=False,
    )


def train(model, triplets) -> None:
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import MultipleNegativesRankingLoss

    with tempfile.TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            per_device_train_batch_size=BATCH,
            learning_rate=RATE,
            warmup_steps=0.1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=13,
            use_cpu=True,
        )
        loss = MultipleNegativesRankingLoss(model, scale=1 / TEMPERATURE)
        SentenceTransformerTrainer(
            model=model, args=arguments, train_dataset=triplets, loss=loss
        ).train()


def evaluate(model) -> float:
    """nDCG@10 on the test queries."""
    from sentence_transformers.evaluation import InformationRetrievalEvaluator

    test_queries = questions("test")
    relevant = {
        query: set(ids)
        for query, ids in test_queries.group_by("query_id").agg("doc_id").iter_rows()
    }
    evaluator = InformationRetrievalEvaluator(
        dict(test_queries.select("query_id", "query").unique("query_id").iter_rows()),
        dict(documents().iter_rows()),
        relevant,
        name="test",
    )
    return evaluator(model)["test_cosine_ndcg@10"]


def pairs(triplets) -> pl.DataFrame:
    """query and text of the negative for each row."""
    return pl.DataFrame({"query": triplets["query"], "text": triplets["negative"]}).unique()


def our_pairs(round: str) -> pl.DataFrame:
    """The same for a round's negatives: the first of each query, as `mine` uses one."""
    first = pl.read_parquet(f"rounds/{round}/negatives.parquet").filter(
        pl.col("rank") == pl.col("rank").min().over("query_id")
    )
    return with_texts(first).select("query", "text").unique()


def our_scores(round: str) -> pl.DataFrame:
    """query, text and score of a round's candidates and positives."""
    return (
        with_texts(pl.read_parquet(f"rounds/{round}/scores.parquet"))
        .select("query", "text", "score")
        .unique(["query", "text"])
    )


def with_texts(frame: pl.DataFrame) -> pl.DataFrame:
    queries = pl.read_parquet("data/python-api/train/queries.parquet").select(
        "query_id", query="text"
    )
    return frame.join(queries, on="query_id").join(documents(), on="doc_id")
