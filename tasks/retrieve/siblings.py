"""siblings: documents in the same group as the labelled positive, or with the same parent in a
taxonomy.

Decorte et al., "Design of Negative Sampling Strategies for Distantly Supervised Skill Extraction".
According to the abstract, negatives from related skills of a taxonomy gave the largest gain. The
abstract does not define the sampling of siblings, so the orders are Hone's choice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import polars as pl
from pydantic import Field

from hone.data.labels import labelled_positives
from hone.data.metadata import Metadata
from hone.data.tables import Documents
from hone.encoders.round_encoders import Models
from hone.encoders.search import nearest
from hone.encoders.store import Vectors
from hone.errors import NothingHere, Refused
from hone.graph import taxonomy
from hone.layout import PAIR
from hone.mining.random_documents import distinct
from hone.seeds import generator
from hone.stage import say

if TYPE_CHECKING:
    from hone.encoders.encoder import TextEncoder


def siblings(
    queries: pl.DataFrame,
    documents: Documents,
    labels: pl.DataFrame,
    metadata: Metadata,
    models: Models,
    draws: str,
    *,
    seed: int,
    column: str,
    separator: str | None = None,
    level: Annotated[int, Field(ge=1)] | None = None,
    own_leaf: bool = True,
    order: Literal["near", "far", "random"] = "near",
    depth: Annotated[int, Field(ge=1)] = 20,
    model: str | None = None,
    revision: str | None = None,
) -> pl.DataFrame:
    """The `depth` first documents of the groups of a query's labelled positives, without these
    positives.

    Args:
        queries: query_id, text.
        documents: the collection.
        labels: labels of the training queries.
        metadata: of the collection.
        models: the available encoders.
        draws: the random stream. Rounds with the same start round share it.
        seed: from params.yaml.
        column: metadata with a document's group, or its path in a taxonomy. Several values are
            several groups.
        separator: separator of path parts, such as ">". Null: each value is a group. [Hone default]
        level: number of path parts from the root that form a group. Null: all but the last, so
            siblings share a parent. [Hone default]
        own_leaf: whether documents with exactly the path of a labelled positive are included, or
            only other leaves. [Hone default]
        order: nearest to the query first, farthest first, or at random by the seed. [Hone default]
        depth: candidates per query. [Hone default]
        model: a teacher for the comparison. Null: the round's starting model. [Hone default]
        revision: revision of a teacher on the Hub. [Hone default]

    Returns:
        query_id, doc_id, rank (from 1), score (inner product with the query; 0 if drawn at random).

    Raises:
        NothingHere: no labelled positive of a training query is in a group.
    """
    ids, known = documents.ids, labelled_positives(labels).select(PAIR)
    members = taxonomy.groups(metadata.of(column), separator, level)
    known_groups = known.join(members, on="doc_id", how="inner", maintain_order="left").select(
        "query_id", "group", "leaf"
    )
    if known_groups.is_empty():
        raise NothingHere(
            f"siblings: no labelled positive of a training query has '{column}' in the metadata "
            "(or its path has no parent)."
        )
    if without := len(queries.join(known_groups, on="query_id", how="anti")):
        say(
            f"siblings: {without:,} of {len(queries):,} queries have no labelled positive with "
            f"'{column}' and get no candidates"
        )
    draw = generator(seed, draws, "retrieve.siblings", column, str(level))
    most = (
        depth + known.group_by("query_id").len()["len"].max()
    )  # additional depth, because labelled positives are found and removed
    search = (
        drawn(draw, most)
        if order == "random"
        else compared(models.encoder(model), queries, documents, most, order == "far")
    )
    query_groups = (
        known_groups
        if not own_leaf
        else known_groups.with_columns(leaf=pl.lit(None, dtype=pl.String))
    )
    found = in_groups(
        query_groups.unique(maintain_order=True), members, queries["query_id"], ids, search
    )
    own = known if own_leaf else with_leaf(known_groups, members)
    lot = pl.Series("lot", draw.random(len(found)) if order == "random" else np.zeros(len(found)))
    return (
        found.with_columns(lot)
        .unique(["query_id", "doc_id"], keep="first", maintain_order=True)
        .join(own, on=["query_id", "doc_id"], how="anti", maintain_order="left")
        .sort(
            "query", "score", "lot", descending=[False, order == "near", False], maintain_order=True
        )
        .select(
            "query_id",
            "doc_id",
            rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query"),
            score="score",
        )
        .filter(pl.col("rank") <= depth)
    )


Search = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def in_groups(
    query_groups: pl.DataFrame,
    members: pl.DataFrame,
    queries: pl.Series,
    ids: pl.Series,
    search: Search,
) -> pl.DataFrame:
    """Search the documents of each query's groups, group by group.

    Args:
        query_groups: query_id, group, leaf (documents of this leaf are excluded; null: none).
        members: doc_id, group, leaf.
        queries, ids: all queries and documents, in order.
        search: maps rows of queries [q] and documents [d] to scores and positions among the latter,
            [q, at most d].

    Returns:
        query (row), query_id, doc_id, score.
    """
    placed = members.join(
        ids.to_frame("doc_id").with_row_index("doc"),
        on="doc_id",
        how="inner",
        maintain_order="left",
    )
    members_of = {
        group: (np.asarray(doc), np.asarray(leaf))
        for group, doc, leaf in placed.group_by("group").agg("doc", "leaf").iter_rows()
    }
    numbered = query_groups.join(
        queries.to_frame("query_id").with_row_index("query"),
        on="query_id",
        how="inner",
        maintain_order="left",
    )
    parts = [pl.DataFrame(schema={"query": pl.UInt32, "doc": pl.UInt32, "score": pl.Float32})]
    for group, leaf, rows in (
        numbered.group_by("group", "leaf", maintain_order=True).agg("query").iter_rows()
    ):
        documents, leaves = members_of[group]
        among = documents if leaf is None else documents[leaves != leaf]
        if len(among):
            scores, places = search(np.asarray(rows), among)
            columns = {
                "query": np.repeat(rows, places.shape[1]),
                "doc": among[places.ravel()],
                "score": scores.ravel(),
            }
            parts.append(pl.DataFrame(columns).cast(parts[0].schema))
    found = pl.concat(parts)
    return found.select(
        "query", "score", query_id=queries.gather(found["query"]), doc_id=ids.gather(found["doc"])
    )


def with_leaf(known_groups: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """query_id and doc_id of all documents with the leaf of one of a query's labelled positives."""
    leaves = known_groups.select("query_id", "leaf").unique()
    return leaves.join(members.select("doc_id", "leaf").unique(), on="leaf", how="inner").select(
        "query_id", "doc_id"
    )


def drawn(draw: np.random.Generator, depth: int) -> Search:
    """A search that draws random documents, without duplicates for a query."""

    def search(rows: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        places = distinct(draw, len(rows), len(among), min(depth, len(among)))
        return np.zeros(places.shape, dtype=np.float32), places

    return search


def compared(
    encoder: TextEncoder, queries: pl.DataFrame, documents: Documents, depth: int, far: bool
) -> Search:
    """A search for the documents nearest to a query, or farthest from it."""
    query_vectors, document_vectors = (
        encoder.queries(queries["text"].to_list()),
        encoder.documents(documents),
    )

    def search(rows: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ours, theirs = query_vectors.part(rows), document_vectors.part(among)
        if not far:
            return nearest(ours, theirs, depth)
        scores, places = nearest(Opposite(ours), theirs, depth)
        return -scores, places

    return search


class Opposite:
    """Negated vectors: nearest to them means farthest from the originals."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dimension(self) -> int:
        return self.vectors.dimension

    def take(self, rows: np.ndarray | slice) -> np.ndarray:
        return -self.vectors.take(rows)


def refuse_unfit(parameters: dict) -> None:
    """Raise Refused for a level or leaf if the values are not paths."""
    taxonomy.refuse_unfit(parameters["separator"], parameters["level"])
    if not parameters["own_leaf"] and not parameters["separator"]:
        raise Refused(
            "`own_leaf: false` would exclude all documents, because without a `separator` a group "
            "is a leaf. Set `separator`, or "
            "remove `own_leaf`."
        )
