"""What evaluation asks of a collection: its judged splits, refused where no ranking could score anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hone.data import tables
from hone.data.tables import Documents
from hone.errors import Refused
from hone.layout import DATA

SPLITS = ("test", "dev")
REMEDY = "every ranking would score 0. Mend the labels, or take it out of `evaluate_on`."


@dataclass(frozen=True)
class Asked:
    """One split of a collection as evaluation reads it."""

    split: str
    queries: pl.DataFrame
    qrels: pl.DataFrame
    ranked: pl.DataFrame | None = None  # query_id, doc_id: the only documents that are ranked; null: all


def asked(collection: str, min_relevance: int) -> list[Asked]:
    """The splits of a collection that have judged queries, test first.

    Args:
        collection: its name.
        min_relevance: the grade from which on a document is right.

    Raises:
        Refused: there is none, or one in which no query has a right answer among the documents.
    """
    folder = DATA / collection
    found = [
        Asked(split, tables.read("queries", place / "queries.parquet"), tables.read("qrels", place / "qrels.parquet"), among(place))
        for split, place in ((split, folder / split) for split in SPLITS)
    ]
    judged = [part for part in found if not part.qrels.is_empty()]
    if not judged:
        raise Refused(f"the collection {collection} is in `evaluate_on` and has no judged test or dev query: add labels, or take it out.")
    documents = Documents(folder / "documents.parquet")
    known = pl.concat([documents.ids, documents.parents["parent_id"].rename("doc_id")])
    for part in judged:
        refuse_unanswerable(collection, part, known, min_relevance)
    return judged


def refuse_unanswerable(collection: str, part: Asked, known: pl.Series, min_relevance: int) -> None:
    """Raises Refused where no query of a split has a right answer that can be found: ids of documents and parents are `known`."""
    whose = f"the {part.split} queries of {collection}, which is in `evaluate_on`,"
    right = part.qrels.filter(pl.col("relevance") >= min_relevance)
    if right.is_empty():
        raise Refused(
            f"{whose} have no right answer: none of their {len(part.qrels):,} labels is of relevance {min_relevance} or more, so that "
            f"{REMEDY}"
        )
    if right.filter(pl.col("doc_id").is_in(known.implode())).is_empty():
        raise Refused(
            f"{whose} have no right answer among its documents: '{right['doc_id'][0]}' and all others that are labelled are absent, "
            f"so that {REMEDY}"
        )
    if right.join(part.queries, on="query_id", how="semi").is_empty():
        raise Refused(f"{whose} have no label: the labels name other queries, such as '{right['query_id'][0]}', so that {REMEDY}")


def among(place: Path) -> pl.DataFrame | None:
    """What is reranked of a split; null where all documents are ranked."""
    file = place / "ranked.parquet"
    return tables.read("ranked", file) if file.exists() else None
