"""Evaluation splits of a collection. Splits on which every ranking would score 0 are refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hone.data import tables
from hone.data.tables import Documents
from hone.errors import Refused
from hone.layout import DATA, collection_table, generated_table

SPLITS = ("test", "dev")
REMEDY = "every ranking would score 0. Fix the labels, or remove the collection from `evaluate_on`."


@dataclass(frozen=True)
class EvaluationSplit:
    """One split of a collection, as evaluation reads it. `generated`: its queries are generated,
    because the collection has no labelled dev queries of its own.
    """

    split: str
    queries: pl.DataFrame
    qrels: pl.DataFrame
    ranked: pl.DataFrame | None = (
        None  # query_id, doc_id: the only documents that are ranked. Null: all
    )
    generated: bool = False


def read_evaluation_splits(collection: str, min_relevance: int) -> list[EvaluationSplit]:
    """The splits of a collection with labelled queries, test first.

    Args:
        collection: its name.
        min_relevance: the lowest relevance grade of a relevant document.

    Raises:
        Refused: the collection has no such split, or a split without any relevant document in the
            collection.
    """
    folder = DATA / collection
    found = [
        EvaluationSplit(
            split,
            tables.read("queries", place / "queries.parquet"),
            tables.read("qrels", place / "qrels.parquet"),
            among(place),
        )
        for split, place in ((split, folder / split) for split in SPLITS)
    ]
    judged = [part for part in found if not part.qrels.is_empty()]
    if all(part.split != "dev" for part in judged):
        judged += generated_dev(collection)
    if not judged:
        removed = generated_table(collection, "removed")
        none_left = (
            f", and no generated dev query is left ({removed} has the reasons)"
            if removed.exists() and len(tables.read("removed", removed))
            else ""
        )
        raise Refused(
            f"the collection {collection} is in `evaluate_on` but has no labelled test or dev "
            f"query{none_left}. Add labels, or remove it from `evaluate_on`."
        )
    documents = Documents(folder / "documents.parquet")
    known = pl.concat([documents.ids, documents.parents["parent_id"].rename("doc_id")])
    for part in judged:
        refuse_unanswerable(collection, part, known, min_relevance)
    return judged


def generated_dev(collection: str) -> list[EvaluationSplit]:
    """The generated dev queries of a collection; empty if there are none."""
    if not has_generated_dev(collection):
        return []
    queries = tables.read("queries", generated_table(collection, "queries", "dev"))
    qrels = tables.read("qrels", generated_table(collection, "qrels", "dev"))
    return [EvaluationSplit("dev", queries.select("query_id", "text"), qrels, generated=True)]


def has_generated_dev(collection: str) -> bool:
    """Whether evaluation reads generated dev queries: the collection has no labelled dev queries,
    and some were generated.
    """
    own = collection_table(collection, "qrels", "dev")
    made = generated_table(collection, "qrels", "dev")
    return not has_rows(own) and has_rows(made)


def has_rows(file: Path) -> bool:
    """Whether a table of labels exists and is not empty."""
    return file.exists() and not tables.scan("qrels", file).head(1).collect().is_empty()


def evaluation_table(collection: str, table: str, split: str) -> Path:
    """The `queries` or `qrels` of a split as evaluation reads them: those of generated dev queries
    if the collection has no labelled ones.
    """
    if split == "dev" and has_generated_dev(collection):
        return generated_table(collection, table, split)
    return collection_table(collection, table, split)


def refuse_unanswerable(
    collection: str, part: EvaluationSplit, known: pl.Series, min_relevance: int
) -> None:
    """Raise Refused if no query of a split has a relevant document in the collection. `known`:
    ids of documents and parents.
    """
    whose = f"the {part.split} queries of {collection}, which is in `evaluate_on`,"
    right = part.qrels.filter(pl.col("relevance") >= min_relevance)
    if right.is_empty():
        raise Refused(
            f"{whose} have no relevant document: none of their {len(part.qrels):,} labels has "
            f"relevance {min_relevance} or "
            f"higher, so {REMEDY}"
        )
    if right.filter(pl.col("doc_id").is_in(known.implode())).is_empty():
        raise Refused(
            f"{whose} have no relevant document in the collection: '{right['doc_id'][0]}' and all "
            "other labelled documents are "
            f"missing, so {REMEDY}"
        )
    if right.join(part.queries, on="query_id", how="semi").is_empty():
        raise Refused(
            f"{whose} have no labels: the labels name other queries, such as "
            f"'{right['query_id'][0]}', so {REMEDY}"
        )


def among(place: Path) -> pl.DataFrame | None:
    """The documents to rerank for a split. Null if all documents are ranked."""
    file = place / "ranked.parquet"
    return tables.read("ranked", file) if file.exists() else None
