"""Training examples: rows of (query, positive), each query's negatives, and the documents that
must never be negatives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from hone.data.labels import positives_of
from hone.data.tables import normalised
from hone.data.unknown import is_dropped
from hone.errors import Refused, listed
from hone.lots import pair_keys
from hone.training.teacher import graded_by
from tasks.train.negatives import Negatives

NO_POSITIVE = -1


@dataclass(frozen=True)
class Examples:
    """Queries and documents by number. Documents with the same text share a number.

    Attributes:
        pairs: one row for each labelled or promoted positive: query, document (numbers), query_id,
            doc_id, collection, weight. Queries that train without a positive have one row with
            document `NO_POSITIVE` and a null doc_id.
        query_texts, document_texts: by number.
        document_ids: the id of each number in the table `trained`.
        negatives: all kept negatives of each query, by rank. A `Draw` selects those of each epoch.
        known: sorted keys (query number * documents + document number) of positive and unknown
            (masked or dropped) pairs.
        weights: negatives with a weight other than 1, by key.
        grades: teacher grades of positives and negatives, by key. Empty if no loss needs them.
    """

    pairs: pl.DataFrame
    query_texts: list[str]
    document_texts: list[str]
    document_ids: list[str]
    negatives: Negatives
    known: np.ndarray
    weights: ByKey
    grades: ByKey

    @property
    def weighted(self) -> bool:
        """Whether any pair has a weight other than 1."""
        return len(self.weights.keys) > 0 or bool((self.pairs["weight"] != 1).any())

    def is_known(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        """Whether a document (column) is positive or unknown for a query (row): [B, D] of bool."""
        keys = self._keys(queries, documents)
        if not len(self.known):
            return np.zeros(keys.shape, dtype=bool)
        places = np.searchsorted(self.known, keys)
        return (places < len(self.known)) & (
            self.known[np.minimum(places, len(self.known) - 1)] == keys
        )

    def weights_of(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        """The weight of each document as a negative of each query: [B, D], 1 by default."""
        return self.weights.at(self._keys(queries, documents), 1.0)

    def grades_of(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        """The teacher's grade of each document for each query: [B, D], NaN if missing."""
        return self.grades.at(self._keys(queries, documents), np.nan)

    def _keys(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        return queries[:, None].astype(np.int64) * len(self.document_texts) + documents[None, :]


@dataclass(frozen=True)
class ByKey:
    """A sparse map of pairs: sorted keys, and a number for each."""

    keys: np.ndarray
    values: np.ndarray

    def at(self, keys: np.ndarray, otherwise: float) -> np.ndarray:
        """The value of each key in fp32, `otherwise` if missing."""
        found = np.full(keys.shape, otherwise, dtype=np.float32)
        if len(self.keys):
            places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            here = self.keys[places] == keys
            found[here] = self.values[places[here]]
        return found


def examples(
    labels: pl.DataFrame,
    queries: pl.DataFrame,
    texts: pl.DataFrame,
    teacher: str | None = None,
    unlabelled: bool = False,
) -> Examples:
    """The training examples of a round.

    Args:
        labels: labels of the round.
        queries: query_id, text, collection.
        texts: doc_id, full_text of every labelled document.
        teacher: the judge whose grades are needed. Null: none.
        unlabelled: include queries without a positive, with their mined negatives, for losses that
            need no positive.

    Raises:
        Refused: a labelled document has no text, no query has a positive, a weight is invalid, or a
            teacher graded nothing.
    """
    refuse_weights(labels)
    absent = labels.join(texts, on="doc_id", how="anti")["doc_id"].unique(maintain_order=True)
    if len(absent):
        raise Refused(
            f"{len(absent):,} labelled documents are in no training collection: {listed(absent)}. "
            "Run `dvc repro`."
        )
    trains = (pl.col("label") == "positive") | (
        pl.lit(unlabelled) & (pl.col("label") == "negative") & pl.col("rank").is_not_null()
    )
    trained = queries.join(labels.filter(trains), on="query_id", how="semi", maintain_order="left")
    if trained.is_empty():
        raise Refused(
            "no query has a positive label, so there is nothing to train on. Add labels to the "
            "training collections."
        )
    numbered = trained.with_row_index("query")
    documents = (
        texts.join(labels, on="doc_id", how="semi", maintain_order="left")
        .sort("doc_id")
        .with_columns(document=pl.col("full_text").rank("dense").cast(pl.Int64) - 1)
    )
    placed = labels.join(
        numbered.select("query_id", "query", "collection"),
        on="query_id",
        how="inner",
        maintain_order="left",
    ).join(documents.select("doc_id", "document"), on="doc_id", how="left", maintain_order="left")
    by_number = documents.unique("document", keep="first", maintain_order=True).sort("document")
    keyed = placed.with_columns(
        key=pl.col("query").cast(pl.Int64) * len(by_number) + pl.col("document"),
        weight=pl.col("weight").fill_null(1.0),
    )
    dropped = keys_by_text(
        keyed.filter(is_dropped()), numbered, by_number
    )  # a copy is not a negative either, however it is spelled
    keyed = keyed.filter(
        (pl.col("label") != "negative") | ~pl.col("key").is_in(pl.Series(dropped).implode())
    )
    known = keyed.filter(pl.col("label") != "negative").select("key", "query", "document")
    mined = keyed.filter((pl.col("label") == "negative") & pl.col("rank").is_not_null()).sort(
        "query", "rank"
    )
    counts = np.bincount(mined["query"].to_numpy(), minlength=len(numbered))
    positives = positives_of(keyed).select(
        "query", "document", "query_id", "doc_id", "collection", "weight"
    )
    alone = numbered.join(positives, on="query", how="anti").select(
        "query",
        "query_id",
        "collection",
        document=pl.lit(NO_POSITIVE, dtype=pl.Int64),
        doc_id=pl.lit(None, dtype=pl.String),
        weight=pl.lit(1.0, dtype=positives["weight"].dtype),
    )
    return Examples(
        pairs=pl.concat(
            [
                positives.unique(["query", "document"], keep="first", maintain_order=True),
                alone.select(positives.columns),
            ]
        ).sort("query", maintain_order=True),
        query_texts=numbered["text"].to_list(),
        document_texts=by_number["full_text"].to_list(),
        document_ids=by_number["doc_id"].to_list(),
        negatives=Negatives(
            mined["document"].to_numpy(), pair_keys(mined), np.append(0, np.cumsum(counts))
        ),
        known=keys_by_text(known, numbered, by_number),
        weights=weights_by_key(keyed, known),
        grades=grades_by_key(keyed, teacher),
    )


def keys_by_text(known: pl.DataFrame, queries: pl.DataFrame, documents: pl.DataFrame) -> np.ndarray:
    """Sorted keys of known pairs, and of every pair whose two normalized texts equal those of a
    known one.

    A query may occur in several rows or collections, and a document under several ids. A positive
    of one is never a negative of the other. Each is still trained with its own text.

    Args:
        known: query, document (numbers).
        queries: query (number), text.
        documents: document (number), full_text.
    """
    if known.is_empty():
        return np.empty(0, dtype=np.int64)
    same_query = queries.select("query", same_query=comparable(queries["text"]))
    same_document = documents.select("document", same_document=comparable(documents["full_text"]))
    pairs = (
        known.join(same_query, on="query")
        .join(same_document, on="document")
        .select("same_query", "same_document")
        .unique()
        .join(same_query, on="same_query")
        .join(same_document, on="same_document")
    )
    return np.unique(
        pairs["query"].cast(pl.Int64).to_numpy() * len(documents) + pairs["document"].to_numpy()
    )


def comparable(texts: pl.Series) -> pl.Series:
    """Normalized texts for comparison. A text of punctuation alone equals only itself."""
    forms = texts.to_frame("text").with_columns(form=normalised(pl.col("text")))
    return forms.select(pl.when(pl.col("form") == "").then("text").otherwise("form")).to_series()


def weights_by_key(keyed: pl.DataFrame, known: pl.DataFrame) -> ByKey:
    """Weights of negatives other than 1. For copies of one text, the smallest weight counts."""
    rows = (
        keyed.filter(pl.col("label") == "negative")
        .join(known, on="key", how="anti")
        .group_by("key")
        .agg(pl.col("weight").min())
    )
    rows = rows.filter(pl.col("weight") != 1).sort("key")
    return ByKey(rows["key"].to_numpy(), rows["weight"].to_numpy())


def grades_by_key(keyed: pl.DataFrame, teacher: str | None) -> ByKey:
    """A teacher's grades. For copies of one text, the mean counts. Texts that are unknown under
    another id have none.
    """
    if teacher is None:
        return ByKey(np.empty(0, dtype=np.int64), np.empty(0))
    unknown = keyed.filter(pl.col("label") == "unknown").select("key")
    graded = keyed.filter(graded_by(teacher)).join(unknown, on="key", how="anti")
    rows = graded.group_by("key").agg(pl.col("query").first(), pl.col("grade").mean()).sort("key")
    if not rows["query"].is_duplicated().any():
        raise Refused(
            f"{teacher} graded at most one document of each query, so there is no order to learn "
            "from. Grade more documents per query."
        )
    return ByKey(rows["key"].to_numpy(), rows["grade"].to_numpy())


def refuse_weights(labels: pl.DataFrame) -> None:
    """Raise Refused if a weight is negative or NaN."""
    wrong = labels.filter(~(pl.col("weight").is_finite() & (pl.col("weight") >= 0)))
    if len(wrong):
        query, document, weight = wrong.select("query_id", "doc_id", "weight").row(0)
        raise Refused(
            f"the label of query '{query}' and document '{document}' has the weight {weight}, but "
            "weights must be 0 or more. Run "
            "`dvc repro` to create the label again."
        )
