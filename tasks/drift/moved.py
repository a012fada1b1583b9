"""Embedding drift: the same texts in the embedding space of each model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from hone.data.rounds import ancestors
from hone.data.training_set import TrainingSet
from hone.encoders.encoder import Encoder
from hone.encoders.search import places_of
from hone.encoders.store import Vectors
from hone.ir.alignment_uniformity import unit

DOCUMENTS = 1_000  # evenly spaced over the training collections [Hone default]
QUERIES = 1_000


@dataclass(frozen=True)
class Sample:
    """Texts that every model encodes.

    Attributes:
        queries: query_id, text: queries for the comparison of vectors, and those of the pairs.
        documents: doc_id, text: the same.
        compared_queries, compared_documents: rows of `queries` and `documents` for the comparison
            of vectors.
    """

    queries: pl.DataFrame
    documents: pl.DataFrame
    compared_queries: np.ndarray
    compared_documents: np.ndarray

    @classmethod
    def of(cls, training: TrainingSet, pairs: pl.DataFrame | None) -> Sample:
        """Sample a training set.

        Args:
            training: the training set.
            pairs: query_id, positive, negative: additional pairs to score. Null: none.
        """
        every = training.queries().select("query_id", "text")
        query_ids = every["query_id"].gather(spaced(len(every), QUERIES))
        ids = pl.concat([one.documents.ids for one in training])
        document_ids = ids.gather(spaced(len(ids), DOCUMENTS))
        none = pl.Series(dtype=pl.String)
        named = (
            (none, none)
            if pairs is None
            else (pairs["query_id"], pl.concat([pairs["positive"], pairs["negative"]]))
        )
        queries = every.filter(pl.col("query_id").is_in(pl.concat([query_ids, named[0]]).implode()))
        documents = (
            training.texts(pl.concat([document_ids, named[1]]).unique(maintain_order=True))
            .select("doc_id", text="full_text")
            .sort("doc_id")
        )
        return cls(
            queries,
            documents,
            places_of(query_ids, queries["query_id"]),
            places_of(document_ids, documents["doc_id"]),
        )

    def query_rows(self, ids: pl.Series) -> np.ndarray:
        return places_of(ids, self.queries["query_id"])

    def document_rows(self, ids: pl.Series) -> np.ndarray:
        return places_of(ids, self.documents["doc_id"])


@dataclass(frozen=True)
class Seen:
    """A sample in one model's embedding space."""

    queries: Vectors
    documents: Vectors


def vectors_of(encoder: Encoder, sample: Sample) -> Seen:
    """The vectors of a sample, mostly from the embedding cache."""
    texts = sample.documents["text"].to_list()
    return Seen(
        encoder.queries(sample.queries["text"].to_list()),
        encoder.vectors([texts], "document", len(texts)),
    )


def moved(rounds: dict[str, dict], seen: dict[str, Seen], sample: Sample) -> list[dict]:
    """For each round, the mean cosine of its vectors with those of its start round and of the base
    model.

    1 means no movement. A rotation of the embedding space changes this figure but no ranking, so it
    measures distance and not harm.
    """
    rows = []
    for name in rounds:
        start, base = ancestors(rounds, name)[1], "r0"
        rows.append(
            {"round": name, "from": start}
            | {
                f"{kind}_{against}": cosine(
                    getattr(seen[name], kind), getattr(seen[other], kind), at
                )
                for kind, at in (
                    ("documents", sample.compared_documents),
                    ("queries", sample.compared_queries),
                )
                for against, other in (("start", start), ("base", base))
            }
        )
    return rows


def cosine(one: Vectors, other: Vectors, at: np.ndarray) -> float | None:
    """Mean cosine of the same rows of two spaces. Null if there are no rows."""
    if not len(at):
        return None
    return float((unit(one.take(at)) * unit(other.take(at))).sum(axis=1, dtype=np.float64).mean())


def spaced(count: int, most: int) -> np.ndarray:
    """At most this number of evenly spaced integers below `count`."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(most, count)).astype(np.int64))
