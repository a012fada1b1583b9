"""What a round knows from the one it starts from."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from hone.data import tables
from hone.data.same_queries import share_labels
from hone.data.unknown_reasons import PASSING, kinds
from hone.layout import ROUNDS


def carried_labels(start: str, queries: pl.DataFrame, refreshed: Collection[str] = ()) -> pl.DataFrame:
    """The labels of round `start`, without pairs that no judge read only because something failed or was used up then.

    Such a pair is unknown in its own round. In a later one it is a candidate like any other, and is judged anew if it is mined. What
    queries with the same text share is found anew from what is left, so that it goes where its reason goes.

    Args:
        start: the round that this one starts from.
        queries: query_id, text, collection of this round's training queries.
        refreshed: judges of this round whose earlier positives it replaces (`relabel.refresh`): these are candidates again.
    """
    labels = tables.read("labels", ROUNDS / start / "labels.parquet")
    passed = (pl.col("label") == "unknown") & pl.col("judge").is_not_null() & kinds().is_in(PASSING)
    replaced = (pl.col("label") == "positive") & pl.col("judge").is_in(list(refreshed))
    return share_labels(labels.filter(~passed.fill_null(False), ~replaced.fill_null(False)), queries)
