"""Labels as training reads them: rows of (query, positive), each query's negatives, and what may never be one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tasks.errors import Refused, listed


@dataclass(frozen=True)
class Examples:
    """Queries and documents by number; documents of the same text share one.

    Attributes:
        pairs: one row for each known or promoted positive: query, document (numbers), query_id, doc_id, collection.
        query_texts, document_texts: by number.
        document_ids: the id that stands for a number in the table `trained`.
        negatives: document numbers of all queries, one after the other, each query's by rank.
        first_negative: [queries + 1], where each query's negatives begin.
        known: sorted keys (query number * documents + document number) of pairs that are positive or unknown.
    """

    pairs: pl.DataFrame
    query_texts: list[str]
    document_texts: list[str]
    document_ids: list[str]
    negatives: np.ndarray
    first_negative: np.ndarray
    known: np.ndarray

    def negatives_of(self, query: int) -> np.ndarray:
        return self.negatives[self.first_negative[query] : self.first_negative[query + 1]]

    def is_known(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        """For each query (rows) and document (columns): is the document positive or unknown for it? [B, D] of bool."""
        keys = queries[:, None].astype(np.int64) * len(self.document_texts) + documents[None, :]
        places = np.searchsorted(self.known, keys)
        return (places < len(self.known)) & (self.known[np.minimum(places, len(self.known) - 1)] == keys)


def examples(labels: pl.DataFrame, queries: pl.DataFrame, texts: pl.DataFrame, negatives: int) -> Examples:
    """What a round trains on.

    Args:
        labels: of the round.
        queries: query_id, text, collection.
        texts: doc_id, full_text of every labelled document.
        negatives: of each query's negatives, the first so many by rank.

    Raises:
        Refused: a labelled document has no text, or no query has a positive.
    """
    absent = labels.join(texts, on="doc_id", how="anti")["doc_id"].unique(maintain_order=True)
    if len(absent):
        raise Refused(f"{len(absent):,} labelled documents are in no collection that is trained on: {listed(absent)}.")
    trained = queries.join(labels.filter(pl.col("label") == "positive"), on="query_id", how="semi", maintain_order="left")
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
    mined = placed.filter((pl.col("label") == "negative") & (pl.col("rank") <= negatives)).sort("query", "rank")
    counts = np.bincount(mined["query"].to_numpy(), minlength=len(numbered))
    known = placed.filter(pl.col("label") != "negative").select(pl.col("query").cast(pl.Int64) * len(by_number) + pl.col("document"))
    return Examples(
        pairs=placed.filter(pl.col("label") == "positive")
        .select("query", "document", "query_id", "doc_id", "collection")
        .unique(["query", "document"], keep="first", maintain_order=True)
        .sort("query", maintain_order=True),
        query_texts=numbered["text"].to_list(),
        document_texts=by_number["full_text"].to_list(),
        document_ids=by_number["doc_id"].to_list(),
        negatives=mined["document"].to_numpy(),
        first_negative=np.concatenate([[0], np.cumsum(counts)]),
        known=np.unique(known.to_series().to_numpy()),
    )
