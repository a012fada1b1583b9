"""Neighbors of documents by rank: in a graph (a table of edges, a metadata column of links), or
in an embedding space.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from hone.data import user_tables
from hone.data.metadata import Metadata
from hone.data.tables import Documents, prefixed
from hone.encoders.search import nearest, rows_of
from hone.errors import Refused

if TYPE_CHECKING:
    from hone.encoders.encoder import TextEncoder

EDGE = ("doc_id", "neighbour_id")
ROWS_AT_ONCE = 256  # documents processed at once
FOUND = {"anchor": pl.String, "doc_id": pl.String, "rank": pl.Int32, "score": pl.Float32}


def edges_of_file(file: Path, prefix: str = "") -> pl.DataFrame:
    """A graph from a table below inputs/.

    Args:
        file: doc_id and neighbour_id of each edge, with `rank` (1: nearest) or `weight` (higher:
            nearer) if known.
        prefix: prefix of ids if several collections are joined. The file has ids without prefix.

    Returns:
        doc_id, neighbour_id and, if the file has it, nearness (higher: nearer), in file order.

    Raises:
        Refused: see `hone.data.user_tables.read`. Also if it has both rank and weight.
    """
    rows = user_tables.read(file, EDGE, ("rank", "weight"))
    if {"rank", "weight"} <= set(rows.columns):
        raise Refused(f"{file} has both `rank` and `weight`. Remove one of them.")
    near = [pl.col("weight").alias("nearness")] if "weight" in rows.columns else []
    near += [(-pl.col("rank")).alias("nearness")] if "rank" in rows.columns else []
    return rows.select(*prefixed(prefix, *EDGE), *near)


def edges_of_column(metadata: Metadata, column: str) -> pl.DataFrame:
    """A graph from a metadata column whose values are ids of other documents: doc_id,
    neighbour_id.
    """
    return metadata.of(column).select(
        "doc_id", neighbour_id=pl.lit(metadata.prefix) + pl.col("value")
    )


def inside(edges: pl.DataFrame, ids: pl.Series) -> tuple[pl.DataFrame, int]:
    """Edges between two different documents of the collection without duplicates, and the number
    of edges to other documents.
    """
    here = edges.filter(pl.all_horizontal(pl.col(name).is_in(ids.implode()) for name in EDGE))
    remaining = here.filter(pl.col("doc_id") != pl.col("neighbour_id"))
    if "nearness" in remaining.columns:
        remaining = remaining.sort("nearness", descending=True, maintain_order=True)
    return remaining.unique(EDGE, keep="first", maintain_order=True), len(edges) - len(here)


def by_edges(
    anchors: pl.Series, edges: pl.DataFrame, ids: pl.Series, last: int, hops: int, both_ways: bool
) -> pl.DataFrame:
    """The neighbors of documents in a graph.

    Edges with a nearness are ranked by it. Links without one are followed: documents at fewer hops
    come first, then those with more shortest paths, then those earlier in the collection.

    Args:
        anchors: doc_id of the documents whose neighbors are needed, without duplicates.
        edges: see `inside`.
        ids: of all documents.
        last: maximum rank.
        hops: maximum hops for links.
        both_ways: whether links are also followed backwards.

    Returns:
        anchor, doc_id, rank (from 1), score (the weight if the graph has one, otherwise 0).
    """
    if "nearness" in edges.columns:
        wanted = edges.join(
            anchors.to_frame("doc_id"), on="doc_id", how="semi", maintain_order="left"
        )
        ranked = wanted.sort("nearness", descending=True, maintain_order=True).select(
            anchor="doc_id",
            doc_id="neighbour_id",
            rank=pl.int_range(1, pl.len() + 1).over("doc_id"),
            score="nearness",
        )
        return ranked.filter(pl.col("rank") <= last).cast(FOUND)
    graph = adjacency(edges, ids, both_ways)
    rows = rows_of(anchors.to_frame(), ids)[:, 0]
    parts = [
        followed(rows[start : start + ROWS_AT_ONCE], graph, ids, last, hops)
        for start in range(0, len(rows), ROWS_AT_ONCE)
    ]
    return pl.concat([pl.DataFrame(schema=FOUND), *parts])


def adjacency(edges: pl.DataFrame, ids: pl.Series, both_ways: bool):
    """The links as a sparse 0/1 matrix [documents, documents]."""
    from scipy.sparse import csr_array

    rows = rows_of(edges.select(EDGE), ids, ids)
    if both_ways:
        rows = np.unique(np.concatenate([rows, rows[:, ::-1]]), axis=0)
    return csr_array((np.ones(len(rows)), (rows[:, 0], rows[:, 1])), shape=(len(ids), len(ids)))


def followed(rows: np.ndarray, graph, ids: pl.Series, last: int, hops: int) -> pl.DataFrame:
    """The neighbors of some documents by links (see `by_edges`)."""
    from scipy.sparse import csr_array

    here = csr_array(
        (np.ones(len(rows)), (np.arange(len(rows)), rows)), shape=(len(rows), graph.shape[0])
    )
    seen, reached = here, []
    for hop in range(1, hops + 1):
        here = here @ graph  # the number of paths of this length
        here = here - here * (seen > 0)
        here.eliminate_zeros()
        seen = seen + here
        found = here.tocoo()
        row, doc = (axis.astype(np.int64) for axis in found.coords)
        reached.append(
            pl.DataFrame({"row": row, "doc": doc, "ways": found.data}).with_columns(hop=pl.lit(hop))
        )
    ranked = (
        pl.concat(reached)
        .sort("row", "hop", "ways", "doc", descending=[False, False, True, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1).over("row"))
        .filter(pl.col("rank") <= last)
    )
    return pl.DataFrame(
        {
            "anchor": ids.gather(rows[ranked["row"].to_numpy()]),
            "doc_id": ids.gather(ranked["doc"]),
            "rank": ranked["rank"],
            "score": np.zeros(len(ranked)),
        }
    ).cast(FOUND)


def by_vectors(
    anchors: pl.Series, documents: Documents, encoder: TextEncoder, first: int, last: int
) -> pl.DataFrame:
    """The neighbors of documents in an embedding space, with ranks from `first` to `last` (see
    `by_edges`).

    Returns:
        anchor, doc_id, rank (from 1, the document itself not counted), score (inner product in
        fp32, as the model compares).
    """
    ids = documents.ids
    vectors = encoder.documents(documents)
    rows = rows_of(anchors.to_frame(), ids)[:, 0]
    parts = [pl.DataFrame(schema=FOUND)]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        own = rows[start : start + ROWS_AT_ONCE]
        scores, found = nearest(vectors.part(own), vectors, last + 1)
        other = found != own[:, None]
        ranks = np.cumsum(other, axis=1)
        row, place = np.nonzero(other & (ranks >= first) & (ranks <= last))
        columns = {
            "anchor": ids.gather(own[row]),
            "doc_id": ids.gather(found[row, place]),
            "rank": ranks[row, place],
        }
        parts.append(pl.DataFrame(columns | {"score": scores[row, place]}).cast(FOUND))
    return pl.concat(parts)
