"""random: a number of documents, drawn uniformly. A larger number adds to the same documents."""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from hone.seeds import unit_hashes


def random(
    documents: pl.DataFrame,
    seed: int,
    *,
    count: Annotated[int, Field(ge=1)],
    among: Literal["all", "labelled", "unlabelled"] = "all",
) -> pl.Series:
    """Documents in the order of a hash of id and seed, so that more of them cost only the new ones.

    Args:
        documents: doc_id, labelled (whether it is a positive of a training query), words.
        seed: of the collection.
        count: number of documents.
        among: all documents, those that are a positive of a training query, or the others. [Hone
            default]

    Returns:
        doc_ids in order, at most `count`.
    """
    if among != "all":
        documents = documents.filter(pl.col("labelled") == (among == "labelled"))
    places = pl.Series("place", unit_hashes(documents["doc_id"].to_list(), seed))
    drawn = documents.select("doc_id", places).sort("place", "doc_id")
    return drawn["doc_id"].head(count)
