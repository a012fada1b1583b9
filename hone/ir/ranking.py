"""Rankings for evaluation: the first hundred documents of each query. Parents represent their
chunks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from hone.data.own_id import own_pairs
from hone.data.tables import Documents
from hone.encoders.encoder import Encoder
from hone.encoders.search import QUERIES_PER_BLOCK, as_table, nearest, pair_scores, rows_of
from hone.encoders.store import Vectors
from hone.ir.measures import DEPTH, in_trec_order, refuse_no_number


@dataclass(frozen=True)
class RankingPart:
    """Which part of a ranking is kept.

    Attributes:
        depth: documents per query.
        itself: whether a document with the query's own id counts like any other (see
            `hone.data.own_id`).
        among: query_id, doc_id: the only documents that are ranked. Null: all.
    """

    depth: int = DEPTH
    itself: bool = True
    among: pl.DataFrame | None = None


FIRST = RankingPart()


def by_encoder(
    encoder: Encoder,
    queries: pl.DataFrame,
    documents: Documents,
    qrels: pl.DataFrame,
    ranking_part: RankingPart = FIRST,
) -> pl.DataFrame:
    """The best documents of every query by an encoder.

    Args:
        encoder: the evaluated model.
        queries: query_id, text.
        documents: the collection.
        qrels: if they name parents of chunks, parents are ranked, each by its best chunk.
        ranking_part: which documents, and how many.

    Returns:
        query_id, doc_id, score: in descending order.
    """
    query_vectors = encoder.queries(queries["text"].to_list())
    vectors, ids = encoder.documents(documents), documents.ids
    if ranking_part.among is not None:
        here = pairs_of(ranking_part.among, queries)
        scored = here.with_columns(
            score=pl.Series(
                pair_scores(query_vectors, vectors, rows_of(here, queries["query_id"], ids))
            )
        )
        return aggregated(sorted_by_score(scored, queries), None, ranking_part)
    unit = units(documents, qrels)
    names = queries["query_id"]
    # In blocks, so search and sorting need not keep all queries in memory.
    blocks = [
        slice(start, start + QUERIES_PER_BLOCK)
        for start in range(0, max(len(names), 1), QUERIES_PER_BLOCK)
    ]
    return pl.concat(
        [
            among_all(names[part], query_vectors.part(part), vectors, ids, unit, ranking_part)
            for part in blocks
        ]
    )


def among_all(
    names: pl.Series,
    query_vectors: Vectors | np.ndarray,
    vectors: Vectors,
    ids: pl.Series,
    unit: pl.DataFrame | None,
    ranking_part: RankingPart,
) -> pl.DataFrame:
    """query_id, doc_id, score of the best documents, or units, for some queries."""
    # One extra for the query's own document, and many more if several chunks form one unit.
    depth = ranking_part.depth + 1 if unit is None else 4 * ranking_part.depth
    while True:
        found = aggregated(
            as_table(names, ids, *nearest(query_vectors, vectors, depth)), unit, ranking_part
        )
        if depth >= len(ids) or unit is None:
            return found
        least = found.group_by("query_id").len()["len"].min() or 0
        if least >= ranking_part.depth or least >= unit["unit"].n_unique():
            return found
        depth *= 4


def pairs_of(among: pl.DataFrame, queries: pl.DataFrame) -> pl.DataFrame:
    """The pairs that belong to one of the queries."""
    return among.join(queries, on="query_id", how="semi", maintain_order="left").select(
        "query_id", "doc_id"
    )


def sorted_by_score(scored: pl.DataFrame, queries: pl.DataFrame) -> pl.DataFrame:
    """query_id, doc_id, score, queries in their order, each query's best document first."""
    place = queries.select("query_id").with_row_index("place")
    placed = scored.join(place, on="query_id", how="left", maintain_order="left")
    return placed.sort("place", "score", descending=[False, True], maintain_order=True).drop(
        "place"
    )


def own_documents(
    queries: pl.DataFrame, documents: Documents, qrels: pl.DataFrame, among: pl.DataFrame | None
) -> pl.DataFrame:
    """query_id, doc_id of every query and the document, or parent of chunks, with the query's
    own id.
    """
    if among is not None:
        return pairs_of(among, queries).filter(pl.col("doc_id") == pl.col("query_id"))
    unit = units(documents, qrels)
    return own_pairs(queries["query_id"], documents.ids if unit is None else unit["unit"])


def units(documents: Documents, qrels: pl.DataFrame) -> pl.DataFrame | None:
    """doc_id and the unit that is ranked for it. Null if every document is its own unit."""
    parents = documents.parents
    if not parents["parent_id"].is_in(qrels["doc_id"].implode()).any():
        return None
    return (
        documents.ids.to_frame()
        .join(parents, on="doc_id", how="left", maintain_order="left")
        .select("doc_id", unit=pl.coalesce("parent_id", "doc_id"))
    )


def aggregated(
    found: pl.DataFrame, unit: pl.DataFrame | None, ranking_part: RankingPart = FIRST
) -> pl.DataFrame:
    """Units instead of chunks, each with its highest score, in TREC order, reduced to the kept
    part.
    """
    refuse_no_number(found)
    if unit is not None:
        found = found.join(unit, on="doc_id", how="left", maintain_order="left").with_columns(
            doc_id="unit"
        )
        found = found.unique(
            ["query_id", "doc_id"], keep="first", maintain_order=True
        )  # the first is the highest
    if not ranking_part.itself:
        found = found.filter(pl.col("doc_id") != pl.col("query_id"))
    found = in_trec_order(found)
    return found.filter(pl.int_range(pl.len()).over("query_id") < ranking_part.depth).select(
        "query_id", "doc_id", "score"
    )
