"""chunks: other passages of the document that contains a labelled positive (InSeNT, arXiv
2505.24782).

They share the positive's subject, so only the content of the passage separates them. The filter
`same-parent` removes exactly these, because they are often relevant too: recipes with this source
omit that filter.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data.labels import positives_of
from hone.data.tables import Documents
from hone.errors import Refused
from hone.layout import PAIR

REMOVED_BY = {
    "same-parent": "removes every passage of a positive's own document"
}  # filters that would remove all candidates, and why


def chunks(
    labels: pl.DataFrame, documents: Documents, *, depth: Annotated[int, Field(ge=1)] | None = None
) -> pl.DataFrame:
    """The other passages of the parents of labelled positives, nearest passages first.

    If the labels name the parent itself, all its passages are positives, and none remains.

    Args:
        labels: query_id, doc_id, label: labels of the training queries.
        documents: the collection. `parent_id` names the parent of a passage, and the row order is
            the order of the passages.
        depth: candidates per query. Null: all, as for InSeNT's in-sequence negatives. [survey]

    Returns:
        query_id, doc_id, rank (from 1, by the distance in passages to the nearest labelled
        positive; ties: the earlier passage first), score (0, because nothing compared them).

    Raises:
        Refused: no document has a parent.
    """
    parents = documents.parents
    if parents.is_empty():
        raise Refused(
            f"the source chunks needs documents that are chunks, but none in {documents.path} has "
            "a `parent_id`. Add that column "
            "to the collection, or use another source."
        )
    passages = parents.with_columns(place=pl.int_range(pl.len()).over("parent_id"))
    positives = positives_of(labels).select(PAIR)
    own = positives.join(passages, on="doc_id", maintain_order="left").select(
        "query_id", "parent_id", known="place"
    )
    return (
        own.join(passages, on="parent_id", maintain_order="left_right")
        .join(positives, on=PAIR, how="anti", maintain_order="left")
        .with_row_index("row")
        .with_columns(
            distance=(pl.col("place") - pl.col("known")).abs(),
            first=pl.col("row").min().over("query_id"),
        )
        .sort("first", "distance", "place", maintain_order=True)
        .unique(PAIR, keep="first", maintain_order=True)
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id"))
        .filter(pl.lit(True) if depth is None else pl.col("rank") <= depth)
        .select(*PAIR, "rank", score=pl.lit(0.0, dtype=pl.Float32))
    )
