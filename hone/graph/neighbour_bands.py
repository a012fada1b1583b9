"""Bands of ranks among the neighbours of a query's known positives (SciNCL, arXiv 2202.06671): what a source and a judge share."""

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
    """Raises Refused where a band cannot be meant: it ends before it begins, or its graph is named twice."""
    first, last, counted = (parameters[name] for name in ("first", "last", "counted"))
    if counted == "ranks" and (first < 1 or first != int(first) or last != int(last)):
        raise Refused(f"the band from {first} to {last} should have whole ranks from 1 up, or `counted: share`.")
    if counted == "share" and last > 1:
        raise Refused(f"the band from {first} to {last} should have shares of the collection, at most 1, or `counted: ranks`.")
    if last < first:
        raise Refused(f"the band ends at {last} before it begins at {first}.")
    if parameters["file"] and parameters["column"]:
        raise Refused("the graph is in a `file` or in a metadata `column`: name one of them.")
    if (parameters["file"] or parameters["column"]) and parameters.get("model"):
        raise Refused("neighbours are taken from a graph (`file`, `column`) or from the vectors of a `model`: name one of them.")


def ranks(first: float, last: float, counted: Counted, count: int) -> tuple[int, int]:
    """A band's first and last rank in a collection of `count` documents.

    Shares follow one another without overlap: the band from a to b has the ranks above a * count, up to b * count.

    Raises:
        Refused: the collection is too small for such a band.
    """
    if counted == "ranks":
        return int(first), int(last)
    begin, end = int(first * count + 1e-9) + 1, int(last * count + 1e-9)
    if end < begin:
        raise Refused(f"a band from {first} to {last} of {count:,} documents has no rank: widen it, or write `counted: ranks`.")
    return begin, end


def in_band(
    positives: pl.DataFrame, documents: Documents, metadata: Metadata, models: Models, prefix: str, who: str, *,
    first: float, last: float, counted: Counted, file: str | None, column: str | None, hops: int, both_ways: bool, model: str | None,
    quiet: bool = False,
) -> pl.DataFrame:  # fmt: skip
    """The documents that lie in a band around the known positives of a query, by the rank that is least over these positives.

    A document that is too near to one positive lies in no later band of another, so that bands with a gap between them keep it.

    Args:
        positives: query_id, doc_id.
        documents: the collection.
        metadata: of the collection.
        models: where encoders come from.
        prefix: of ids where several collections are joined.
        who: asks, for what is said.
        first, last, counted: the band, in ranks or in shares of the collection.
        file, column: where the graph is; neither: it is made from vectors.
        hops, both_ways: how links are followed.
        model: a teacher's name, for vectors; null: the round's starting model.
        quiet: whether nothing is said of edges and answers that lead nowhere.

    Returns:
        query_id, doc_id, rank (least over the positives), score, by query and rank.

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
            say(f"{who}: {strange:,} edges of {file or column} name a document that is not in the collection, and are left out")
        if edges.is_empty():
            raise NothingHere(f"{who}: {file or f'the metadata column {column}'} has no edge between two documents of the collection.")
        found = by_edges(anchors, edges, ids, end, hops, both_ways)
        alone = len(anchors) - found["anchor"].n_unique()
        if alone and not quiet:
            say(f"{who}: {alone:,} of {len(anchors):,} known answers have no neighbour in {file or column}")
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
