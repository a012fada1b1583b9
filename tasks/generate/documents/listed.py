"""listed: the documents of a table, in its order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data import user_tables
from hone.errors import Refused

FILE_COLUMNS = ("doc_id",)


def listed(
    documents: pl.DataFrame,
    *,
    file: str,
    count: Annotated[int, Field(ge=1)] | None = None,
) -> pl.Series:
    """The documents that a table names.

    Args:
        documents: doc_id, labelled, words.
        file: a table below inputs/ with the column doc_id.
        count: the first documents of the table; null: all. [Hone default]

    Returns:
        doc_ids in the order of the table, each once. Documents that are too short are left out.

    Raises:
        Refused: none of the documents is in the collection.
    """
    wanted = user_tables.read(Path(file), FILE_COLUMNS)["doc_id"].unique(maintain_order=True)
    here = wanted.to_frame("doc_id").join(
        documents, on="doc_id", how="semi", maintain_order="left"
    )["doc_id"]
    if here.is_empty():
        raise Refused(
            f"{file} names {len(wanted):,} documents, and none of them is in the collection with "
            f"enough words, such as '{wanted[0] if len(wanted) else ''}'. Correct the ids."
        )
    return here if count is None else here.head(count)
