"""Labels: those that a round carries over from the one it starts from, and the positives among them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

import polars as pl

from hone.data import tables
from hone.data.same_queries import share_labels
from hone.data.unknown_reasons import PASSING, kinds
from hone.layout import round_table

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


def positives_of(labels: Frame) -> Frame:
    """The rows of the positives, labelled and promoted, in their order."""
    return labels.filter(pl.col("label") == "positive")


def labelled_positives(labels: Frame) -> Frame:
    """The rows of the positives that came with the collection, without those that a judge promoted, in their order."""
    return positives_of(labels).filter(pl.col("judge") == "qrels")


def carried_labels(start: str, queries: pl.DataFrame, refreshed: Collection[str] = ()) -> pl.DataFrame:
    """The labels of round `start`, without pairs that no judge read only because something failed or was used up then.

    Such a pair is unknown in its own round. In a later one it is a candidate like any other, and is judged anew if it is mined. What
    queries with the same text share is found anew from what is left, so that it goes where its reason goes.

    Args:
        start: the round that this one starts from.
        queries: query_id, text, collection of this round's training queries.
        refreshed: judges of this round whose earlier positives it replaces (`relabel.refresh`): these are candidates again.
    """
    labels = tables.read("labels", round_table(start, "labels"))
    passed = (pl.col("label") == "unknown") & pl.col("judge").is_not_null() & kinds().is_in(PASSING)
    replaced = (pl.col("label") == "positive") & pl.col("judge").is_in(list(refreshed))
    return share_labels(labels.filter(~passed.fill_null(False), ~replaced.fill_null(False)), queries)
