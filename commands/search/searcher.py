"""Searches one collection with one or two models. Documents are encoded once and kept in the
embedding cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import polars as pl

from commands.search.labels import KnownQueries, Query
from commands.search.placement import Hit, place
from hone.data.own_id import OwnId
from hone.data.tables import Documents
from hone.encoders.encoder import Encoder, Worker, refuse_no_numbers
from hone.encoders.store import Vectors, keys_of
from hone.ir.ranking import RankingPart, among_all, units
from hone.stage import Progress

DEPTH = 100  # documents per model that are searched, to show where a document comes from


@dataclass(frozen=True)
class Found:
    """The result of one search.

    Attributes:
        query: the query with its labels.
        lists: the first documents of each model, in the order of the models.
    """

    query: Query
    lists: dict[str, list[Hit]]


class Searcher:
    """The vectors of a collection by each model, and the loaded models.

    The vector of a query of the collection comes from the cache if it is there. Other queries are
    encoded for each search and not stored, so they leave no trace.

    Args:
        encoders: by the name of the model, the baseline first.
        documents: the collection.
        known: its queries and labels.
        own_id: handling of the document with a query's own id.
    """

    def __init__(
        self,
        encoders: dict[str, Encoder],
        documents: Documents,
        known: KnownQueries,
        own_id: OwnId,
    ) -> None:
        self.encoders, self.documents, self.known = encoders, documents, known
        self.itself = own_id == "keep"
        self.ids = documents.ids
        self.unit = units(documents, known.labels)
        self.vectors: dict[str, Vectors] = {
            name: encoder.documents(documents) for name, encoder in encoders.items()
        }
        self.workers: dict[str, Worker] = {}
        self.one_at_a_time = Lock()

    def search(self, given: str, top: int) -> Found:
        """The first `top` documents of each model for a text or the id of a query.

        Raises:
            Refused: the query is empty.
        """
        query = self.known.find(given)
        with self.one_at_a_time:
            ranked = {name: self.rank(name, query, top) for name in self.encoders}
        texts = self.texts_of({doc for rows in ranked.values() for doc in rows["doc_id"][:top]})
        return Found(query, place(ranked, texts, query.labels, top))

    def rank(self, name: str, query: Query, top: int) -> pl.DataFrame:
        """doc_id, score of the best documents, as evaluation ranks them: parents represent their
        chunks.
        """
        ranking_part = RankingPart(max(top, DEPTH), self.itself)
        names = pl.Series("query_id", [query.query_id or ""], dtype=pl.String)
        asked = self.encode(name, query.text)
        vectors = self.vectors[name]
        return among_all(names, asked, vectors, self.ids, self.unit, ranking_part).select(
            "doc_id", "score"
        )

    def encode(self, name: str, text: str) -> np.ndarray:
        """The vector [1, d] of a query."""
        encoder = self.encoders[name]
        if (encoder.space("query").find(keys_of([text])) >= 0).all():
            return encoder.queries([text]).take(slice(None))
        if name not in self.workers:
            self.workers[name] = encoder.worker("query")
        vector = self.workers[name].encode([text], Progress(f"{name}: encoding the query", 1))
        refuse_no_numbers(vector, [text], name)
        if encoder.similarity == "cosine":
            vector = vector / np.maximum(np.linalg.norm(vector, axis=1, keepdims=True), 1e-12)
        return vector

    def texts_of(self, doc_ids: set[str]) -> dict[str, str]:
        """The text of each document. A parent has the text of its first chunk."""
        wanted: Sequence[str] = sorted(doc_ids)
        if self.unit is None:
            rows = self.documents.texts(wanted)
            return dict(rows.select("doc_id", "full_text").iter_rows())
        first = self.unit.filter(pl.col("unit").is_in(list(wanted))).unique(
            "unit", keep="first", maintain_order=True
        )
        rows = first.join(self.documents.texts(first["doc_id"]), on="doc_id", how="left")
        return dict(rows.select("unit", "full_text").iter_rows())
