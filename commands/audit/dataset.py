"""What is audited: texts, and which of them are said to answer which query and which not."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from hone.data.tables import normalised

DOCUMENTS = {"doc_id": pl.String, "parent_id": pl.String, "text": pl.String, "row": pl.Int64}
QUERIES = {"query_id": pl.String, "text": pl.String, "split": pl.String, "row": pl.Int64}
PAIRS = {"query": pl.UInt32, "document": pl.UInt32, "row": pl.Int64}
ABSENT = {"query_id": pl.String, "doc_id": pl.String, "absent": pl.String, "row": pl.Int64}
ROWS = {"row": pl.Int64, "query": pl.UInt32, "positives": pl.UInt32, "negatives": pl.UInt32, "repeats": pl.Boolean}
TRAINING, ASKED = ("train",), ("dev", "test")


@dataclass(frozen=True)
class Subject:
    """A training file or a collection.

    Attributes:
        name: as the user named it.
        kind: "triplets" or "collection".
        documents: doc_id, parent_id, text (title and text as an encoder reads them), row; `document` (their number) and
            `same` (equal for texts that differ in case, white space or punctuation at the ends only).
        queries: query_id, text, split (null where there are none), row; `query` (their number) and `same`.
        positives: query, document, row: what is said to answer. A label that names the parent of chunks names each of them.
        negatives: query, document, row: negatives that the file brings; empty for a collection without.
        judged: query, document, row: judged not relevant (grade 0), not brought as negatives.
        hidden: query, document, row: answers that training does not see.
        rows: row, query, positives, negatives (counts), repeats (stands further up already): lines of a training file.
        absent: labels that name a query or document which is not there.
        doubled: ids that stand more than once, by table.
        in_two_splits: ids of queries that have labels in more than one split.
    """

    name: str
    kind: str
    documents: pl.DataFrame
    queries: pl.DataFrame
    positives: pl.DataFrame
    negatives: pl.DataFrame
    judged: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PAIRS))
    hidden: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PAIRS))
    rows: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ROWS))
    absent: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ABSENT))
    doubled: dict[str, list[str]] = field(default_factory=dict)
    in_two_splits: list[str] = field(default_factory=list)

    @property
    def training(self) -> pl.DataFrame:
        """The queries that train: all but those of dev and test."""
        return self.queries.filter(pl.col("split").is_null() | pl.col("split").is_in(TRAINING))

    @property
    def asked(self) -> pl.DataFrame:
        """The queries of dev and test."""
        return self.queries.filter(pl.col("split").is_in(ASKED))

    def of_training(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Those of the pairs whose query trains."""
        return pairs.join(self.training.select("query"), on="query", how="semi", maintain_order="left")


def numbered(frame: pl.DataFrame, number: str) -> pl.DataFrame:
    """A table of texts with the number of each row and `same`, the hash of the normalised text (null where it is empty)."""
    plain = normalised(pl.col("text"))
    return frame.with_row_index(number).with_columns(
        pl.col(number).cast(pl.UInt32), same=pl.when(pl.col("text").fill_null("").str.strip_chars() != "").then(plain.hash())
    )


def with_same(pairs: pl.DataFrame, subject: Subject) -> pl.DataFrame:
    """Pairs with the query's and the document's `same`, as `query_same` and `document_same`."""
    return pairs.join(subject.queries.select("query", query_same="same"), on="query", how="left", maintain_order="left").join(
        subject.documents.select("document", document_same="same"), on="document", how="left", maintain_order="left"
    )
