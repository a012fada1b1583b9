"""Pairs of a dataset on the Hub as documents, queries and labels.

Texts that are equal in normalized form are one query or one document. Hone keeps the text, the
title and the id of the first one. Rows are added in blocks, so each text is in memory once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import polars as pl

from hone.data.source import DOCUMENTS, QRELS, QUERIES, Source
from hone.data.tables import full_text, normalised
from hone.errors import Refused

DIGITS = 16  # of an id that is a hash of a text
SHORT = 8  # digits that make an id unique which the dataset has for two texts
LARGEST_GRADE = 2**31 - 1
SOURCE = "given"  # the source of a label from a training file, as in `triplets`
REMOVED = ["query_id", "doc_id", "rule", "detail"]
PLACE = ["split", "file", "row"]


@dataclass
class Tables:
    """The tables so far. A key is a hash of a normalized text.

    Attributes:
        negatives: whether negatives become labels. Otherwise only their texts are kept.
        min_score: scores from here on are relevant. Null: scores are grades.
        queries: key, id, text, and the place of each query.
        documents: key, id, title, text, and the place of each document.
        labels: query and document (keys), relevance, and the place of each label.
        removed: what is left out, with the reason.
        known: the keys of all documents.
    """

    negatives: bool
    min_score: float | None
    queries: list[pl.DataFrame] = field(default_factory=list)
    documents: list[pl.DataFrame] = field(default_factory=list)
    labels: list[pl.DataFrame] = field(default_factory=list)
    removed: list[pl.DataFrame] = field(default_factory=list)
    known: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"key": pl.String}))

    def add(self, pairs: pl.DataFrame, drawn: pl.Series, split: str | None, label: str) -> None:
        """Add a block of rows.

        Args:
            pairs: as in hub_rows.PAIRS.
            drawn: the numbers of all rows of the block, also of those without a pair.
            split: train, dev or test. Null: the dataset has no splits.
            label: the file, for messages.

        Raises:
            Refused: a score is not a grade, and there is no `min_score`.
        """
        usable, removed = without_empty(pairs, drawn, label)
        keyed = usable.with_columns(
            relevance=grades(usable, self.min_score, label),
            query_key=keys(usable, pl.col("query"), split),
            key=keys(usable, full_text()),
            split=pl.lit(split, dtype=pl.String),
            file=pl.lit(label),
        )
        self.removed.append(removed)
        self.queries.append(
            keyed.select(*PLACE, key="query_key", id="query_id", text="query").unique(
                "key", keep="first", maintain_order=True
            )
        )
        texts = keyed.select(*PLACE, "key", "title", "text", id="docid")
        fresh = texts.unique("key", keep="first", maintain_order=True)
        fresh = fresh.join(self.known, on="key", how="anti", maintain_order="left")
        self.documents.append(fresh)
        self.known = pl.concat([self.known, fresh.select("key")])
        labelled = keyed if self.negatives else keyed.filter(pl.col("relevance") > 0)
        self.labels.append(labelled.select(*PLACE, "relevance", query="query_key", document="key"))

    def source(self) -> Source:
        """The tables as a collection's source, with the number of each kind of removed row."""
        queries = named(pl.concat(self.queries).unique("key", keep="first", maintain_order=True))
        documents = named(pl.concat(self.documents))
        labels, contradicted, repeated = labels_of(pl.concat(self.labels), queries, documents)
        removed = pl.concat([*self.removed, contradicted])
        rules = dict(removed["rule"].value_counts().iter_rows())
        return Source(
            documents=shaped(documents.rename({"id": "doc_id"}), DOCUMENTS),
            queries=shaped(queries.rename({"id": "query_id"}), QUERIES),
            qrels=shaped(labels, QRELS),
            counts={
                "repeated_labels": repeated,
                "rows_without_text": rules.get("row-without-text", 0),
                "empty_passages": rules.get("empty-passage", 0),
                "contradicted_labels": rules.get("contradicted", 0),
                "missing_titles": int((documents["title"].fill_null("") == "").sum()),
            },
            removed=removed,
        )


def shaped(frame: pl.DataFrame, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    """The columns of one of the three tables. Missing ones are null."""
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in columns.items()
    )


def without_empty(
    pairs: pl.DataFrame, drawn: pl.Series, label: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The pairs that have two texts, and what is removed: rows without a query or a passage, and
    single passages without text.
    """
    blank = {
        name: pl.col(name).fill_null("").str.strip_chars() == ""
        for name in ("query", "title", "text")
    }
    marked = pairs.with_columns(no_query=blank["query"], no_passage=blank["title"] & blank["text"])
    usable = marked.filter(~pl.col("no_query") & ~pl.col("no_passage"))
    without_query = marked.filter("no_query")["row"].unique(maintain_order=True)
    lost = pl.DataFrame({"row": drawn}).join(usable.select("row"), on="row", how="anti")
    rows = lost.sort("row").select(
        rule=pl.lit("row-without-text"),
        detail=pl.format(
            "{}, row {}: the {} is empty",
            pl.lit(label),
            "row",
            pl.when(pl.col("row").is_in(without_query.implode()))
            .then(pl.lit("query"))
            .otherwise(pl.lit("list of passages")),
        ),
    )
    passages = (
        marked.filter(pl.col("no_passage") & ~pl.col("no_query"))
        .join(lost, on="row", how="anti", maintain_order="left")
        .select(
            rule=pl.lit("empty-passage"),
            detail=pl.format("{}, row {}: a passage has no text", pl.lit(label), "row"),
        )
    )
    removed = pl.concat([rows, passages]).with_columns(
        query_id=pl.lit(None, dtype=pl.String), doc_id=pl.lit(None, dtype=pl.String)
    )
    clean = usable.with_columns(pl.col("text").fill_null("")).drop("no_query", "no_passage")
    return clean, removed.select(REMOVED)


def grades(pairs: pl.DataFrame, min_score: float | None, label: str) -> pl.Series:
    """The relevance of each pair: 1 and 0 of positives and negatives, or the grade of its score.

    Raises:
        Refused: a score is not a whole number from 0, and there is no `min_score`.
    """
    scores, given = pairs["score"], pairs["relevance"]
    rated = given.is_null()
    if min_score is not None:
        return given.set(rated, 1).set(rated & (scores < min_score), 0) if rated.any() else given
    bad = rated & ((scores != scores.floor()) | (scores < 0) | (scores > LARGEST_GRADE))
    if places := bad.arg_true().to_list():
        raise Refused(
            f"{label}, row {pairs['row'][places[0]]:,}: the score {scores[places[0]]:g} is not a "
            "relevance grade (a whole number from 0). Write `options: {min_score: NUMBER}`: "
            "scores from there on become relevance 1, lower ones 0."
        )
    return given.zip_with(~rated, scores.cast(pl.Int32, strict=False))


def keys(pairs: pl.DataFrame, text: pl.Expr, split: str | None = None) -> pl.Series:
    """The hexadecimal SHA-256 of each text's normalized form, shortened to 32 digits. A text of
    marks only is hashed as it is. Texts of different splits have different keys.
    """
    forms = pairs.select(raw=text.str.strip_chars()).with_columns(plain=normalised(pl.col("raw")))
    plain = pl.when(pl.col("plain") == "").then("raw").otherwise("plain")
    prefix = f"{split}\n".encode()
    hashes = [
        hashlib.sha256(prefix + one.encode()).hexdigest()[:32]
        for one in forms.select(plain).to_series()
    ]
    return pl.Series(hashes, dtype=pl.String)


def named(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with a unique `id`: the dataset's own, or a hash of the text.

    If the dataset has one id for two texts, the second text gets the id with a part of its hash.
    """
    own = pl.col("id")
    usable = own.is_not_null() & (own.str.strip_chars() != "")
    found = rows.with_columns(
        id=pl.when(usable).then(own).otherwise(pl.col("key").str.head(DIGITS))
    )
    again = pl.int_range(pl.len()).over("id") > 0
    unique = pl.when(again).then(pl.format("{}~{}", own, pl.col("key").str.head(SHORT)))
    return found.with_columns(id=unique.otherwise(own))


def labels_of(
    labels: pl.DataFrame, queries: pl.DataFrame, documents: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """One label for each pair: the highest relevance.

    Returns:
        The labels, the removed lower labels, and the number of duplicates with equal relevance.
    """
    pair = ["query", "document"]
    kept = labels.group_by(pair, maintain_order=True).agg(
        pl.col("relevance").max(), *(pl.col(name).first() for name in PLACE)
    )
    ids = {
        "query": queries.select(query="key", query_id="id"),
        "document": documents.select(document="key", doc_id="id"),
    }

    def with_ids(rows: pl.DataFrame) -> pl.DataFrame:
        for name, known in ids.items():
            rows = rows.join(known, on=name, how="left", maintain_order="left")
        return rows

    lower = labels.join(
        kept.select(*pair, highest="relevance"), on=pair, how="left", maintain_order="left"
    ).filter(pl.col("relevance") < pl.col("highest"))
    contradicted = with_ids(lower).select(
        "query_id",
        "doc_id",
        rule=pl.lit("contradicted"),
        detail=pl.format(
            "{}, row {}: relevance {}, but {} elsewhere", "file", "row", "relevance", "highest"
        ),
    )
    repeated = len(labels) - len(kept) - len(lower)
    return with_ids(kept).with_columns(source=pl.lit(SOURCE)), contradicted, repeated
