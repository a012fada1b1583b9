"""Labels as training reads them: rows of (query, positive), each query's negatives, and what may never be one of them."""

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
    """Queries and documents by number; documents of the same text share one.

    Attributes:
        pairs: one row for each known or promoted positive: query, document (numbers), query_id, doc_id, collection, weight. A query
            without a positive that trains all the same has one row, whose document is `NO_POSITIVE` and whose doc_id is null.
        query_texts, document_texts: by number.
        document_ids: the id that stands for a number in the table `trained`.
        negatives: all that were kept of each query, by rank; which of them train when, a `Draw` says.
        known: sorted keys (query number * documents + document number) of pairs that are positive or unknown: masked or dropped.
        weights: of negatives that count less or more than one, by key.
        grades: of positives and negatives that a teacher has graded, by key; empty where no loss asks for them.
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
        """Whether any positive or negative counts other than once."""
        return len(self.weights.keys) > 0 or bool((self.pairs["weight"] != 1).any())

    def is_known(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        """For each query (rows) and document (columns): is the document positive or unknown for it? [B, D] of bool."""
        keys = self._keys(queries, documents)
        if not len(self.known):
            return np.zeros(keys.shape, dtype=bool)
        places = np.searchsorted(self.known, keys)
        return (places < len(self.known)) & (self.known[np.minimum(places, len(self.known) - 1)] == keys)

    def weights_of(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        """How often each document counts as a negative of each query: [B, D], 1 where the labels say nothing."""
        return self.weights.at(self._keys(queries, documents), 1.0)

    def grades_of(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        """What the teacher gives each document for each query: [B, D], NaN where it gave nothing."""
        return self.grades.at(self._keys(queries, documents), np.nan)

    def _keys(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        return queries[:, None].astype(np.int64) * len(self.document_texts) + documents[None, :]


@dataclass(frozen=True)
class ByKey:
    """Values of a few of all pairs: sorted keys, and a number for each."""

    keys: np.ndarray
    values: np.ndarray

    def at(self, keys: np.ndarray, otherwise: float) -> np.ndarray:
        """The value of each key in fp32, `otherwise` where it has none."""
        found = np.full(keys.shape, otherwise, dtype=np.float32)
        if len(self.keys):
            places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            here = self.keys[places] == keys
            found[here] = self.values[places[here]]
        return found


def examples(
    labels: pl.DataFrame, queries: pl.DataFrame, texts: pl.DataFrame, teacher: str | None = None, unlabelled: bool = False
) -> Examples:
    """What a round trains on.

    Args:
        labels: of the round.
        queries: query_id, text, collection.
        texts: doc_id, full_text of every labelled document.
        teacher: the judge whose grades are wanted; null: none are.
        unlabelled: queries without a positive train with their mined negatives, for losses that need no positive.

    Raises:
        Refused: a labelled document has no text, no query has a positive, a weight is none, or a teacher graded nothing.
    """
    refuse_weights(labels)
    absent = labels.join(texts, on="doc_id", how="anti")["doc_id"].unique(maintain_order=True)
    if len(absent):
        raise Refused(f"{len(absent):,} labelled documents are in no collection that is trained on: {listed(absent)}.")
    trains = (pl.col("label") == "positive") | (pl.lit(unlabelled) & (pl.col("label") == "negative") & pl.col("rank").is_not_null())
    trained = queries.join(labels.filter(trains), on="query_id", how="semi", maintain_order="left")
    if trained.is_empty():
        raise Refused("no query has a positive label: there is nothing to train on.")
    numbered = trained.with_row_index("query")
    documents = (
        texts.join(labels, on="doc_id", how="semi", maintain_order="left")
        .sort("doc_id")
        .with_columns(document=pl.col("full_text").rank("dense").cast(pl.Int64) - 1)
    )
    placed = labels.join(numbered.select("query_id", "query", "collection"), on="query_id", how="inner", maintain_order="left").join(
        documents.select("doc_id", "document"), on="doc_id", how="left", maintain_order="left"
    )
    by_number = documents.unique("document", keep="first", maintain_order=True).sort("document")
    keyed = placed.with_columns(
        key=pl.col("query").cast(pl.Int64) * len(by_number) + pl.col("document"),
        weight=pl.col("weight").fill_null(1.0),
    )
    dropped = keys_by_text(keyed.filter(is_dropped()), numbered, by_number)  # a copy is no negative either, however it is spelt
    keyed = keyed.filter((pl.col("label") != "negative") | ~pl.col("key").is_in(pl.Series(dropped).implode()))
    known = keyed.filter(pl.col("label") != "negative").select("key", "query", "document")
    mined = keyed.filter((pl.col("label") == "negative") & pl.col("rank").is_not_null()).sort("query", "rank")
    counts = np.bincount(mined["query"].to_numpy(), minlength=len(numbered))
    positives = positives_of(keyed).select("query", "document", "query_id", "doc_id", "collection", "weight")
    alone = numbered.join(positives, on="query", how="anti").select(
        "query", "query_id", "collection", document=pl.lit(NO_POSITIVE, dtype=pl.Int64), doc_id=pl.lit(None, dtype=pl.String),
        weight=pl.lit(1.0, dtype=positives["weight"].dtype),
    )  # fmt: skip
    return Examples(
        pairs=pl.concat([positives.unique(["query", "document"], keep="first", maintain_order=True), alone.select(positives.columns)]).sort(
            "query", maintain_order=True
        ),
        query_texts=numbered["text"].to_list(),
        document_texts=by_number["full_text"].to_list(),
        document_ids=by_number["doc_id"].to_list(),
        negatives=Negatives(mined["document"].to_numpy(), pair_keys(mined), np.append(0, np.cumsum(counts))),
        known=keys_by_text(known, numbered, by_number),
        weights=weights_by_key(keyed, known),
        grades=grades_by_key(keyed, teacher),
    )


def keys_by_text(known: pl.DataFrame, queries: pl.DataFrame, documents: pl.DataFrame) -> np.ndarray:
    """Sorted keys of known pairs, and of every pair whose two normalised texts are those of a known one.

    A query may stand in several rows or collections, a document under several ids: what answers one is no negative of the other, however
    the two are spelt. Each is still trained with its own text.

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
        known.join(same_query, on="query").join(same_document, on="document").select("same_query", "same_document").unique()
        .join(same_query, on="same_query").join(same_document, on="same_document")
    )  # fmt: skip
    return np.unique(pairs["query"].cast(pl.Int64).to_numpy() * len(documents) + pairs["document"].to_numpy())


def comparable(texts: pl.Series) -> pl.Series:
    """Texts in the form in which they are compared; a text of punctuation alone is the same as itself only."""
    forms = texts.to_frame("text").with_columns(form=normalised(pl.col("text")))
    return forms.select(pl.when(pl.col("form") == "").then("text").otherwise("form")).to_series()


def weights_by_key(keyed: pl.DataFrame, known: pl.DataFrame) -> ByKey:
    """Weights of negatives, where they are not 1; of copies of one text the smallest counts."""
    rows = keyed.filter(pl.col("label") == "negative").join(known, on="key", how="anti").group_by("key").agg(pl.col("weight").min())
    rows = rows.filter(pl.col("weight") != 1).sort("key")
    return ByKey(rows["key"].to_numpy(), rows["weight"].to_numpy())


def grades_by_key(keyed: pl.DataFrame, teacher: str | None) -> ByKey:
    """A teacher's grades; of copies of one text the mean. A text that is unknown by another id has none."""
    if teacher is None:
        return ByKey(np.empty(0, dtype=np.int64), np.empty(0))
    unknown = keyed.filter(pl.col("label") == "unknown").select("key")
    graded = keyed.filter(graded_by(teacher)).join(unknown, on="key", how="anti")
    rows = graded.group_by("key").agg(pl.col("query").first(), pl.col("grade").mean()).sort("key")
    if not rows["query"].is_duplicated().any():
        raise Refused(f"{teacher} has graded no two documents of any query: there is no order to learn from.")
    return ByKey(rows["key"].to_numpy(), rows["grade"].to_numpy())


def refuse_weights(labels: pl.DataFrame) -> None:
    """Raises Refused at a weight that is negative or no number."""
    wrong = labels.filter(~(pl.col("weight").is_finite() & (pl.col("weight") >= 0)))
    if len(wrong):
        query, document, weight = wrong.select("query_id", "doc_id", "weight").row(0)
        raise Refused(
            f"the label of query '{query}' and document '{document}' has the weight {weight}: a weight is a number from 0 up. "
            "The stage relabel writes it: run `dvc repro` to have it made again."
        )
