"""The data of an audit: texts, positives and negatives."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from hone.data.tables import normalised

DOCUMENTS = {"doc_id": pl.String, "parent_id": pl.String, "text": pl.String, "row": pl.Int64}
QUERIES = {"query_id": pl.String, "text": pl.String, "split": pl.String, "row": pl.Int64}
PAIRS = {"query": pl.UInt32, "document": pl.UInt32, "row": pl.Int64}
ABSENT = {"query_id": pl.String, "doc_id": pl.String, "absent": pl.String, "row": pl.Int64}
ROWS = {
    "row": pl.Int64,
    "query": pl.UInt32,
    "positives": pl.UInt32,
    "negatives": pl.UInt32,
    "repeats": pl.Boolean,
}
TRAINING, EVALUATION = ("train",), ("dev", "test")


@dataclass(frozen=True)
class Subject:
    """A training file or a collection.

    Attributes:
        name: the name given by the user.
        kind: "triplets" or "collection".
        documents: doc_id, parent_id, text (title and text as an encoder reads them), row;
            `document` (their number) and `same` (equal for texts that differ only in case, white
            space, or leading or trailing punctuation).
        queries: query_id, text, split (null without splits), row; `query` (their number) and
            `same`.
        positives: query, document, row of positives. A label of a parent document applies to each
            of its chunks.
        negatives: query, document, row of given negatives; may be empty.
        judged: query, document, row of documents judged not relevant (grade 0) that are not given
            as negatives.
        hidden: query, document, row of held-out positives.
        rows: lines of a training file: row, query, positives, negatives (counts), repeats (equal to
            an earlier line).
        absent: labels whose query or document does not exist.
        doubled: duplicate ids, by table.
        in_two_splits: ids of queries with labels in more than one split.
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
        """The training queries: all except dev and test queries."""
        return self.queries.filter(pl.col("split").is_null() | pl.col("split").is_in(TRAINING))

    @property
    def evaluation_queries(self) -> pl.DataFrame:
        """The evaluation queries (dev and test)."""
        return self.queries.filter(pl.col("split").is_in(EVALUATION))

    def of_training(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """The pairs of training queries."""
        return pairs.join(
            self.training.select("query"), on="query", how="semi", maintain_order="left"
        )


def numbered(frame: pl.DataFrame, number: str) -> pl.DataFrame:
    """Add the number of each row, and `same`, the hash of the normalized text (null for an empty
    text).
    """
    plain = normalised(pl.col("text"))
    return frame.with_row_index(number).with_columns(
        pl.col(number).cast(pl.UInt32),
        same=pl.when(pl.col("text").fill_null("").str.strip_chars() != "").then(plain.hash()),
    )


def with_same(pairs: pl.DataFrame, subject: Subject) -> pl.DataFrame:
    """Add the `same` of the query and the document as `query_same` and `document_same`."""
    return pairs.join(
        subject.queries.select("query", query_same="same"),
        on="query",
        how="left",
        maintain_order="left",
    ).join(
        subject.documents.select("document", document_same="same"),
        on="document",
        how="left",
        maintain_order="left",
    )
