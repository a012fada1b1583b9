"""The texts of both sides: training data and evaluation queries."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hone.data import tables
from hone.data.eval_splits import evaluation_table
from hone.data.tables import Documents, normalised
from hone.data.training_set import TrainingCollection, TrainingSet
from hone.layout import collection_table

SPLITS = ("test", "dev")


@dataclass(frozen=True)
class Trained:
    """The training texts.

    Attributes:
        queries: id, own (the id in its collection's source), collection, text, same (a hash of the
            normalized text) of every training query.
        positives: the same columns for every positive.
        answered: query_id, same: each training query with the text of each of its positives.
    """

    queries: pl.DataFrame
    positives: pl.DataFrame
    answered: pl.DataFrame


@dataclass(frozen=True)
class EvaluationTexts:
    """A collection's evaluation queries.

    Attributes:
        queries: id, split, text, same: the judged queries of test and dev.
        answered: id, split, same: each of them with the text of each of its positives.
    """

    queries: pl.DataFrame
    answered: pl.DataFrame


def training_texts(training: TrainingSet, positives: pl.DataFrame) -> Trained:
    """Queries and positives of all training collections.

    Args:
        training: as admitted by `start`.
        positives: query_id, doc_id of labelled positives.
    """
    texts = pl.concat(
        [
            named(
                one, one.documents.texts(positives["doc_id"]).select(id="doc_id", text="full_text")
            )
            for one in training
        ]
    )
    documents = hashed(texts.sort("collection", "id"))
    return Trained(
        hashed(
            pl.concat([named(one, one.queries().select("text", id="query_id")) for one in training])
        ),
        documents,
        positives.join(
            documents.select("same", doc_id="id"), on="doc_id", how="inner", maintain_order="left"
        ).select("query_id", "same"),
    )


def named(one: TrainingCollection, texts: pl.DataFrame) -> pl.DataFrame:
    """id, own, collection, text: ids in the training set, and in their source."""
    return texts.select(
        "id",
        own=pl.col("id").str.strip_prefix(one.prefix),
        collection=pl.lit(one.name),
        text="text",
    )


def read_evaluation_texts(collection: str, min_relevance: int) -> EvaluationTexts:
    """The judged queries of test and dev, with the texts of their positives. A label of a parent
    applies to its chunks.
    """
    documents = Documents(collection_table(collection, "documents"))
    chunks = documents.parents.select("doc_id", parent="parent_id")
    queries, pairs = [], []
    for split in SPLITS:
        qrels = tables.read("qrels", evaluation_table(collection, "qrels", split))
        texts = tables.read("queries", evaluation_table(collection, "queries", split)).select(
            "text", split=pl.lit(split), id="query_id"
        )
        queries.append(
            texts.join(qrels, left_on="id", right_on="query_id", how="semi", maintain_order="left")
        )
        right = qrels.filter(pl.col("relevance") >= min_relevance).select(
            id="query_id", split=pl.lit(split), doc_id="doc_id"
        )
        of_parents = right.rename({"doc_id": "parent"}).join(
            chunks, on="parent", how="inner", maintain_order="left"
        )
        pairs += [right, of_parents.select(right.columns)]
    answers = pl.concat(pairs)
    texts = hashed(documents.texts(answers["doc_id"]).select("doc_id", text="full_text"))
    answered = answers.join(
        texts.select("doc_id", "same"), on="doc_id", how="inner", maintain_order="left"
    )
    return EvaluationTexts(hashed(pl.concat(queries)), answered.select("id", "split", "same"))


def hashed(texts: pl.DataFrame) -> pl.DataFrame:
    """The texts with `same`: equal for texts that differ only in case, white space or outer
    punctuation.
    """
    return texts.with_columns(same=normalised(pl.col("text")).hash())
