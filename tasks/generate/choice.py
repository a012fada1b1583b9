"""The documents for which queries are generated."""

from __future__ import annotations

import polars as pl

from hone.config import methods
from hone.data.chunks import of_chunks
from hone.data.tables import full_text, scan
from hone.generation.rows import removed_rows
from hone.layout import collection_table
from tasks.generate.context import GenerationContext
from tasks.generate.filters.length import count_words

PLACE = "generate.documents"


def choose_documents(
    line: dict, collection: GenerationContext, shortest: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The chosen documents, in order, and those that are too short.

    Args:
        line: method and parameters of the choice.
        collection: with its documents and training labels.
        shortest: minimum number of words of a document.

    Returns:
        doc_id, text of the chosen documents; and the table `removed` of the short ones.
    """
    ids, short = choose_ids(line, collection, shortest)
    return collection.texts(ids), short


def choose_ids(
    line: dict, collection: GenerationContext, shortest: int
) -> tuple[pl.Series, pl.DataFrame]:
    """The ids of the chosen documents, in order, without their texts; and those that are too short.
    See `choose_documents`.
    """
    found = describe_documents(collection)
    short = found.filter(pl.col("words") < shortest)
    long = found.filter(pl.col("words") >= shortest)
    ids = methods.find(PLACE, line["method"])(
        line["parameters"], documents=long, collection=collection, seed=collection.seed
    )
    detail = pl.format("{} words", "words")
    return ids, removed_rows(short, "short-document", detail)


def describe_documents(collection: GenerationContext) -> pl.DataFrame:
    """doc_id, labelled (whether it is a positive of a training query), words: of every document, in
    file order.
    """
    documents = scan("documents", collection_table(collection.name, "documents"))
    found = documents.select("doc_id", words=count_words(full_text()).cast(pl.Int64)).collect(
        engine="streaming"
    )
    pairs = collection.training_pairs.select("query_id", "doc_id")
    positives = of_chunks(pairs, collection.documents.parents)["doc_id"].unique()
    return found.with_columns(labelled=pl.col("doc_id").is_in(positives.implode()))
