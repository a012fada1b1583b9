"""clicks: a number of documents, drawn in proportion to their clicks or any other weight."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from hone.data import user_tables
from hone.errors import Refused
from hone.seeds import unit_hashes

FILE_COLUMNS = ("doc_id", "clicks")
UNSEEN = 0.5  # clicks of a document without any, so that it can be drawn [Hone default]


def clicks(
    documents: pl.DataFrame,
    seed: int,
    *,
    file: str,
    count: Annotated[int, Field(ge=1)],
) -> pl.Series:
    """Documents that users visit are drawn first: a weighted sample without replacement (Efraimidis
    and Spirakis 2006). More documents add to the same ones.

    Args:
        documents: doc_id, labelled, words.
        seed: of the collection.
        file: a table below inputs/ with doc_id and clicks. Documents without a row count as half a
            click.
        count: number of documents.

    Returns:
        doc_ids in order, at most `count`.

    Raises:
        Refused: a number of clicks is missing, no number, or negative.
    """
    table = user_tables.read(Path(file), ("doc_id",), ("clicks",))
    wrong = table.filter(pl.col("clicks") < 0)
    if len(wrong):
        raise Refused(
            f"{file}: row {wrong['row'][0]:,} has {wrong['clicks'][0]:g} clicks. Write 0 or more."
        )
    clicks_of = table.group_by("doc_id").agg(pl.col("clicks").sum())
    found = documents.join(clicks_of, on="doc_id", how="left", maintain_order="left")
    weights = found["clicks"].fill_null(0.0).clip(lower_bound=UNSEEN).to_numpy()
    hashes = unit_hashes(found["doc_id"].to_list(), seed)
    arrival = pl.Series("arrival", -np.log1p(-hashes) / weights)
    return found.select("doc_id", arrival).sort("arrival", "doc_id")["doc_id"].head(count)
