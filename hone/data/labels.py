"""Labels that a round inherits from its start round, and the positives among them."""

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
    """The rows of all positives, labelled and promoted, in their order."""
    return labels.filter(pl.col("label") == "positive")


def labelled_positives(labels: Frame) -> Frame:
    """The rows of the labelled positives, without those that a judge promoted, in their order."""
    return positives_of(labels).filter(pl.col("judge") == "qrels")


def carried_labels(
    start: str, queries: pl.DataFrame, refreshed: Collection[str] = ()
) -> pl.DataFrame:
    """The labels of round `start`, without pairs that have no verdict only because of a failure or
    a budget limit.

    Such a pair is unknown in its own round. In a later round it is an ordinary candidate, and
    judges read it again if it is mined. Labels shared between queries with the same text are
    recomputed from the remaining labels.

    Args:
        start: the start round of this round.
        queries: query_id, text, collection of this round's training queries.
        refreshed: judges of this round whose earlier positives it replaces (`relabel.refresh`).
            These become candidates again.
    """
    labels = tables.read("labels", round_table(start, "labels"))
    passed = (pl.col("label") == "unknown") & pl.col("judge").is_not_null() & kinds().is_in(PASSING)
    replaced = (pl.col("label") == "positive") & pl.col("judge").is_in(list(refreshed))
    return share_labels(
        labels.filter(~passed.fill_null(False), ~replaced.fill_null(False)), queries
    )
