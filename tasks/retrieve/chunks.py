"""chunks: other passages of the document that a known positive is a passage of (InSeNT, arXiv 2505.24782).

They share the positive's subject, and only what the passage itself says tells them apart. The guard `same-parent` removes exactly
these, because they are often answers too: a recipe with this source leaves that guard out.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data.labels import positives_of
from hone.data.tables import Documents
from hone.errors import Refused
from hone.layout import PAIR

REMOVED_BY = {"same-parent": "removes every passage of a positive's own document"}  # keep rules that leave nothing of it, and why


def chunks(labels: pl.DataFrame, documents: Documents, *, depth: Annotated[int, Field(ge=1)] | None = None) -> pl.DataFrame:
    """The other passages of every known positive's parent, those that stand nearest to it first.

    Where the labels name the parent itself, all its passages are positives and none is left.

    Args:
        labels: query_id, doc_id, label: of the training queries.
        documents: the collection, whose `parent_id` says what a passage is a part of; its order is that of the passages.
        depth: candidates a query; null: all, as InSeNT's in-sequence negatives are. [survey]

    Returns:
        query_id, doc_id, rank (from 1, by the distance to the nearest known positive in passages; of equal distances the earlier
        one first), score (0: nothing compared them).

    Raises:
        Refused: no document has a parent.
    """
    parents = documents.parents
    if parents.is_empty():
        raise Refused(
            f"the source chunks needs documents that are passages of something, and none in {documents.path} has a `parent_id`: "
            "give the collection that column, or take another source."
        )
    passages = parents.with_columns(place=pl.int_range(pl.len()).over("parent_id"))
    positives = positives_of(labels).select(PAIR)
    own = positives.join(passages, on="doc_id", maintain_order="left").select("query_id", "parent_id", known="place")
    return (
        own.join(passages, on="parent_id", maintain_order="left_right")
        .join(positives, on=PAIR, how="anti", maintain_order="left")
        .with_row_index("row")
        .with_columns(distance=(pl.col("place") - pl.col("known")).abs(), first=pl.col("row").min().over("query_id"))
        .sort("first", "distance", "place", maintain_order=True)
        .unique(PAIR, keep="first", maintain_order=True)
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id"))
        .filter(pl.lit(True) if depth is None else pl.col("rank") <= depth)
        .select(*PAIR, "rank", score=pl.lit(0.0, dtype=pl.Float32))
    )
