"""spread: near candidates with dissimilar vectors (maximal marginal relevance; Carbonell and
Goldstein 1998).

The nearest candidates are often variants of one text, which teach the same thing several times.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from hone.data.query_groups import Segments
from hone.data.training_set import TrainingSet
from hone.encoders.round_encoders import Models
from hone.errors import Refused

QUERIES_PER_BLOCK = 512
NONE = -1


def refuse_unfit(parameters: dict) -> None:
    """Raise Refused if `depth` is less than `n`."""
    if parameters["depth"] < parameters["n"]:
        raise Refused(
            f"spread: depth is {parameters['depth']}, but n is {parameters['n']}. Raise depth to "
            "n or more."
        )


def spread(
    pool: pl.DataFrame,
    training: TrainingSet,
    models: Models,
    *,
    relevance: Annotated[float, Field(ge=0, le=1)] = 0.5,
    depth: Annotated[int, Field(ge=1)] = 50,
    n: Annotated[int, Field(ge=1)] = 4,
) -> pl.DataFrame:
    """`n` of the first `depth` candidates of every query. Each step chooses the candidate with the
    highest

        relevance * cos(q, d) - (1 - relevance) * max over those chosen of cos(d, d')

    This is the paper's formula, with its lambda as `relevance`. The second term is 0 for the first
    choice. With 1, the result is the nearest candidates by the round's encoder. With 0, it is the
    first candidate, and then always the one farthest from all chosen ones (farthest-first, Gonzalez
    1985). Ties are broken by rank.

    Cosines use vectors of the round's starting model, which are cached if that model retrieved.
    Vectors of a model that uses inner products are normalized here.

    Args:
        pool: query_id, doc_id and more, each query's candidates in order.
        training: the source of the texts.
        models: the source of the encoder.
        relevance: weight of the similarity to the query. [Hone default]
        depth: number of candidates of each query that are considered, by rank. 512 queries are
            processed together and need 512 * depth * d
            * 4 bytes: 39 MB for 50 candidates with 384 dimensions. [Hone default]
        n: negatives per query. [Hone default]

    Returns:
        The chosen rows of the pool, in the order chosen.

    Raises:
        Refused: `depth` is less than `n`.
    """
    refuse_unfit({"depth": depth, "n": n})
    segments, used = Segments.of(pool), models.encoder()
    chosen = np.full((len(segments), n), NONE)
    heads, place = segments.heads(depth), np.full(len(pool), NONE)
    query_ids = pl.DataFrame({"query_id": pool["query_id"].gather(segments.starts)}).with_row_index(
        "number"
    )
    looked_at = pool["doc_id"].gather(heads)
    for collection in training:
        here = collection.queries().join(
            query_ids, on="query_id", how="inner", maintain_order="right"
        )
        if here.is_empty():
            continue
        wanted = looked_at.filter(
            np.isin(segments.spread(np.arange(len(segments)))[heads], here["number"])
        )
        doc_ids, documents = used.documents_of(
            collection.documents, wanted.unique(maintain_order=True)
        )
        known = pl.DataFrame({"doc_id": doc_ids, "row": np.arange(len(doc_ids))})
        found = looked_at.to_frame("doc_id").join(
            known, on="doc_id", how="left", maintain_order="left"
        )
        place[heads] = found["row"].fill_null(NONE)
        queries, numbers = used.queries(here["text"].to_list()), here["number"].to_numpy()
        for first in range(0, len(numbers), QUERIES_PER_BLOCK):
            block = slice(first, first + QUERIES_PER_BLOCK)
            rows = first_rows(segments, numbers[block], depth)
            places = np.where(rows == NONE, NONE, place[rows])
            vectors = documents.take(places.ravel()).reshape(*places.shape, -1)
            picks = diverse(unit(queries.take(block)), unit(vectors), places != NONE, relevance, n)
            chosen[numbers[block], : picks.shape[1]] = np.where(
                picks == NONE, NONE, np.take_along_axis(rows, picks, axis=1)
            )
    return pool[chosen[chosen != NONE]]


def first_rows(segments: Segments, numbers: np.ndarray, depth: int) -> np.ndarray:
    """The first `depth` rows of some queries: [b, depth]. -1 if a query has fewer."""
    places = np.arange(depth)
    return np.where(
        places < segments.lengths[numbers, None], segments.starts[numbers, None] + places, NONE
    )


def diverse(
    queries: np.ndarray, documents: np.ndarray, available: np.ndarray, relevance: float, n: int
) -> np.ndarray:
    """The greedy choice among each query's candidates.

    Args:
        queries: [b, d], normalized.
        documents: [b, k, d], normalized, each query's candidates in order.
        available: [b, k], whether there is a candidate.
        relevance: see `spread`.
        n: number of choices.

    Returns:
        Places among the k, [b, min(n, k)]. -1 if a query has fewer.
    """
    every = np.arange(len(queries))
    near = relevance * np.matmul(documents, queries[:, :, None])[:, :, 0]
    picks = np.full((len(queries), min(n, documents.shape[1])), NONE)
    like = np.zeros_like(near)
    left = available.copy()
    for turn in range(picks.shape[1]):
        best = np.where(left, near - (1 - relevance) * like, -np.inf).argmax(axis=1)
        picks[:, turn] = np.where(left[every, best], best, NONE)
        left[every, best] = False
        to_best = np.matmul(documents, documents[every, best][:, :, None])[:, :, 0]
        like = to_best if turn == 0 else np.maximum(like, to_best)
    return picks


def unit(vectors: np.ndarray) -> np.ndarray:
    """Normalized vectors."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
