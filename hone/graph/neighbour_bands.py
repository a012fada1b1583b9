"""Rank bands among the neighbors of a query's labelled positives (SciNCL, arXiv 2202.06671),
shared by a source and a judge.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

from hone.data.metadata import Metadata
from hone.data.tables import Documents
from hone.errors import NothingHere, Refused
from hone.graph.neighbours import by_edges, by_vectors, edges_of_column, edges_of_file, inside
from hone.stage import say

if TYPE_CHECKING:
    from hone.encoders.round_encoders import Models

Counted = Literal["ranks", "share"]


def refuse_unfit(parameters: dict) -> None:
    """Raise Refused if a band is invalid: it ends before it begins, or its graph is named twice."""
    first, last, counted = (parameters[name] for name in ("first", "last", "counted"))
    if counted == "ranks" and (first < 1 or first != int(first) or last != int(last)):
        raise Refused(
            f"the band from {first} to {last} needs whole ranks of at least 1. Correct them, or "
            "write `counted: share`."
        )
    if counted == "share" and last > 1:
        raise Refused(
            f"the band from {first} to {last} needs fractions of the collection, at most 1. "
            "Correct them, or write `counted: ranks`."
        )
    if last < first:
        raise Refused(
            f"the band ends at {last} before it begins at {first}. Swap `first` and `last`."
        )
    if parameters["file"] and parameters["column"]:
        raise Refused("`file` and `column` both name a graph. Keep one of them.")
    if (parameters["file"] or parameters["column"]) and parameters.get("model"):
        raise Refused(
            "neighbors come either from a graph (`file`, `column`) or from the vectors of a "
            "`model`. Keep one of them."
        )


def ranks(first: float, last: float, counted: Counted, count: int) -> tuple[int, int]:
    """A band's first and last rank in a collection of `count` documents.

    Fractions do not overlap: the band from a to b has the ranks above a * count, up to b * count.

    Raises:
        Refused: the collection is too small for this band.
    """
    if counted == "ranks":
        return int(first), int(last)
    begin, end = int(first * count + 1e-9) + 1, int(last * count + 1e-9)
    if end < begin:
        raise Refused(
            f"the band from {first} to {last} contains no rank of a collection of {count:,} "
            "documents. Widen it, or write `counted: ranks`."
        )
    return begin, end


def in_band(
    positives: pl.DataFrame,
    documents: Documents,
    metadata: Metadata,
    models: Models,
    prefix: str,
    who: str,
    *,
    first: float,
    last: float,
    counted: Counted,
    file: str | None,
    column: str | None,
    hops: int,
    both_ways: bool,
    model: str | None,
    quiet: bool = False,
) -> pl.DataFrame:
    """The documents in a band around the labelled positives of a query, by their lowest rank over
    these positives.

    A document that is nearer to one positive is in no later band of another. So gaps between bands
    are kept.

    Args:
        positives: query_id, doc_id.
        documents: the collection.
        metadata: of the collection.
        models: where encoders come from.
        prefix: prefix of ids if several collections are joined.
        who: the calling method, for messages.
        first, last, counted: the band, in ranks or as fractions of the collection.
        file, column: the graph. Neither: neighbors are computed from vectors.
        hops, both_ways: how links are followed.
        model: a teacher's name, for vectors. Null: the round's starting model.
        quiet: do not log edges and positives without neighbors.

    Returns:
        query_id, doc_id, rank (lowest over the positives), score, by query and rank.

    Raises:
        NothingHere: the graph has no edge between documents of the collection.
    """
    ids = documents.ids
    begin, end = ranks(first, last, counted, len(ids))
    anchors = positives["doc_id"].unique(maintain_order=True)
    anchors = anchors.filter(anchors.is_in(ids.implode()))
    if file or column:
        edges = edges_of_file(Path(file), prefix) if file else edges_of_column(metadata, column)
        edges, strange = inside(edges, ids)
        if strange and not quiet:
            say(
                f"{who}: {strange:,} edges of {file or column} name a document that is not in the "
                "collection and are ignored"
            )
        if edges.is_empty():
            raise NothingHere(
                f"{who}: {file or f'the metadata column {column}'} has no edge between two "
                "documents of the collection. Check its ids."
            )
        found = by_edges(anchors, edges, ids, end, hops, both_ways)
        alone = len(anchors) - found["anchor"].n_unique()
        if alone and not quiet:
            say(
                f"{who}: {alone:,} of {len(anchors):,} labelled positives have no neighbor in "
                f"{file or column}"
            )
    else:
        found = by_vectors(anchors, documents, models.encoder(model), 1, end)
    order = positives.select("query_id").unique(maintain_order=True).with_row_index("place")
    return (
        positives.select("query_id", anchor="doc_id")
        .join(found, on="anchor", how="inner", maintain_order="left")
        .group_by("query_id", "doc_id", maintain_order=True)
        .agg(pl.col("score").get(pl.col("rank").arg_min()), pl.col("rank").min())
        .filter(pl.col("rank").is_between(begin, end))
        .join(order, on="query_id", how="inner", maintain_order="left")
        .sort("place", "rank", "score", descending=[False, False, True], maintain_order=True)
        .select("query_id", "doc_id", "rank", "score")
    )
