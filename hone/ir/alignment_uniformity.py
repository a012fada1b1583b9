"""How a model's vectors lie: near their answers (alignment), spread out (uniformity), and how clearly an answer stands above the rest.

A model that collapses puts all texts into one corner: scores may still look well on easy queries when it begins.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.data.tables import Documents
from hone.encoders.encoder import Encoder
from hone.encoders.store import Vectors
from hone.ir.measures import in_blocks

NAMES = ("alignment", "uniformity", "gap")
PAIRS_AT_ONCE = 8_192
SAMPLE = 2_000  # documents, evenly spaced, so that every round is measured on the same ones


def geometry(
    encoder: Encoder, queries: pl.DataFrame, documents: Documents, qrels: pl.DataFrame, run: pl.DataFrame, min_relevance: int
) -> dict[str, float | None]:
    """Alignment and uniformity (Wang and Isola 2020, arXiv 2005.10242) of vectors of length 1, and the gap of scores.

    Args:
        encoder: the model under evaluation; its vectors come from the store.
        queries: query_id, text.
        documents: the collection.
        qrels: query_id, doc_id, relevance.
        run: query_id, doc_id, score: the ranking.
        min_relevance: the grade from which on a document is right.

    Returns:
        alignment: mean squared distance of a query to its answers, 0 to 4. uniformity: logarithm of the mean of
        exp(-2 squared distance) over pairs of documents, from 0 where all are one downwards. gap: what the best answer
        scores above the best other document, mean over the queries that have both in the ranking. Null where nothing is there.
        A vector of length 0 has no direction and counts nowhere.
    """
    right = qrels.filter(pl.col("relevance") >= min_relevance).select("query_id", "doc_id").unique(maintain_order=True)
    ids = documents.ids
    sampled = ids.gather(np.unique(np.linspace(0, max(len(ids) - 1, 0), min(SAMPLE, len(ids))).astype(np.int64)))
    # Only these are read and looked up again: the ranking has walked through all documents.
    texts = documents.texts(pl.concat([sampled, right["doc_id"]])).select("doc_id", "full_text").sort("doc_id").with_row_index("row")
    vectors = encoder.vectors([texts["full_text"].to_list()], "document", len(texts))
    pairs = right.join(queries.select("query_id").with_row_index("asked"), on="query_id", how="inner")
    pairs = pairs.join(texts.select("doc_id", "row"), on="doc_id", how="inner")
    spread = unit(vectors.take(texts.filter(pl.col("doc_id").is_in(sampled.implode()))["row"].to_numpy().astype(np.int64)))
    return {
        "alignment": alignment(
            encoder.queries(queries["text"].to_list()), vectors, pairs.select("asked", "row").to_numpy().astype(np.int64)
        ),
        "uniformity": uniformity(spread[spread.any(axis=1)]),
        "gap": gap(run, right),
    }


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1, as 32-bit numbers; one of length 0 stays."""
    wide = np.asarray(vectors, dtype=np.float32)
    return wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)


def alignment(queries: Vectors, documents: Vectors, pairs: np.ndarray) -> float | None:
    """Of queries and their answers, rows [n, 2] of the two; null where none has two directions."""
    total, count = 0.0, 0
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        rows = pairs[start : start + PAIRS_AT_ONCE]
        asked, answers = unit(queries.take(rows[:, 0])), unit(documents.take(rows[:, 1]))
        there = asked.any(axis=1) & answers.any(axis=1)
        total += float(np.square(asked - answers).sum(axis=1, dtype=np.float64)[there].sum())
        count += int(there.sum())
    return total / count if count else None


def uniformity(vectors: np.ndarray) -> float | None:
    """Of all pairs of different rows, [n, d] of length 1; null for fewer than two."""
    if len(vectors) < 2:
        return None
    kernel = np.exp(-2 * np.maximum(2 - 2 * (vectors @ vectors.T).astype(np.float64), 0))
    pairs = len(vectors) * (len(vectors) - 1)
    return float(np.log((kernel.sum() - np.trace(kernel)) / pairs))


def gap(run: pl.DataFrame, right: pl.DataFrame) -> float | None:
    """What a query's best answer scores above its best other document, in the mean."""
    told, is_right = right.with_columns(right=pl.lit(True)), pl.col("right").fill_null(False)
    sums = [(0.0, 0)]
    for part in in_blocks(run):
        marked = part.join(told, on=["query_id", "doc_id"], how="left", maintain_order="left")
        best = marked.group_by("query_id").agg(answer=pl.col("score").filter(is_right).max(), other=pl.col("score").filter(~is_right).max())
        values = best.select((pl.col("answer") - pl.col("other")).cast(pl.Float64).drop_nulls().sort())["answer"]
        sums.append((float(values.sum()), len(values)))
    total, count = map(sum, zip(*sums, strict=True))
    return total / count if count else None
