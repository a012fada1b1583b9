"""all: every document, in the order of a hash of its id."""

from __future__ import annotations

import polars as pl

from hone.seeds import unit_hashes


def all(documents: pl.DataFrame, seed: int) -> pl.Series:
    """Every document. The order depends only on id and seed.

    Args:
        documents: doc_id, labelled (whether it is a positive of a training query), words.
        seed: of the collection.

    Returns:
        doc_ids in order.
    """
    places = pl.Series("place", unit_hashes(documents["doc_id"].to_list(), seed))
    return documents.select("doc_id", places).sort("place", "doc_id")["doc_id"]
