"""spread: near candidates that are unlike each other, by their vectors (maximal marginal relevance; Carbonell and Goldstein 1998).

The nearest candidates are often variants of one text: several negatives, one lesson.
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
    """Raises Refused where there are fewer to choose from than are to be chosen."""
    if parameters["depth"] < parameters["n"]:
        raise Refused(f"spread: depth is {parameters['depth']} and n is {parameters['n']}: it cannot choose more than it looks at.")


def spread(
    pool: pl.DataFrame,
    training: TrainingSet,
    models: Models,
    *,
    relevance: Annotated[float, Field(ge=0, le=1)] = 0.5,
    depth: Annotated[int, Field(ge=1)] = 50,
    n: Annotated[int, Field(ge=1)] = 4,
) -> pl.DataFrame:
    """`n` of the first `depth` candidates of every query, one after the other, each time that of the highest

        relevance * cos(q, d) - (1 - relevance) * max over those chosen of cos(d, d')

    The paper's formula, with its lambda as `relevance`; what is subtracted is 0 for the first. With 1 it is the nearest by the
    round's encoder; with 0 the first candidate, and then always the one whose nearest chosen neighbour is farthest
    (farthest-first, Gonzalez 1985). Equal ones by rank.

    Cosines between vectors of the round's starting model, which the store has where that model retrieved; those of a model
    that compares by inner product are given length 1 here.

    Args:
        pool: query_id, doc_id and more, each query's candidates in order.
        training: where texts come from.
        models: where the encoder comes from.
        relevance: .5. [Hone default]
        depth: how many candidates of each query are looked at, by rank; 50. 512 queries are looked at together, so that memory is 512 *
            depth * d * 4 bytes: 39 MB for 50 candidates of 384 numbers. [Hone default]
        n: negatives a query. [Hone default]

    Returns:
        The rows of the pool that are chosen, in the order chosen.

    Raises:
        Refused: `depth` is less than `n`.
    """
    refuse_unfit({"depth": depth, "n": n})
    segments, used = Segments.of(pool), models.encoder()
    chosen = np.full((len(segments), n), NONE)
    heads, place = segments.heads(depth), np.full(len(pool), NONE)
    asked = pl.DataFrame({"query_id": pool["query_id"].gather(segments.starts)}).with_row_index("number")
    looked_at = pool["doc_id"].gather(heads)
    for collection in training:
        here = collection.queries().join(asked, on="query_id", how="inner", maintain_order="right")
        if here.is_empty():
            continue
        wanted = looked_at.filter(np.isin(segments.spread(np.arange(len(segments)))[heads], here["number"]))
        doc_ids, documents = used.documents_of(collection.documents, wanted.unique(maintain_order=True))
        known = pl.DataFrame({"doc_id": doc_ids, "row": np.arange(len(doc_ids))})
        found = looked_at.to_frame("doc_id").join(known, on="doc_id", how="left", maintain_order="left")
        place[heads] = found["row"].fill_null(NONE)
        queries, numbers = used.queries(here["text"].to_list()), here["number"].to_numpy()
        for first in range(0, len(numbers), QUERIES_PER_BLOCK):
            block = slice(first, first + QUERIES_PER_BLOCK)
            rows = first_rows(segments, numbers[block], depth)
            places = np.where(rows == NONE, NONE, place[rows])
            vectors = documents.take(places.ravel()).reshape(*places.shape, -1)
            picks = diverse(unit(queries.take(block)), unit(vectors), places != NONE, relevance, n)
            chosen[numbers[block], : picks.shape[1]] = np.where(picks == NONE, NONE, np.take_along_axis(rows, picks, axis=1))
    return pool[chosen[chosen != NONE]]


def first_rows(segments: Segments, numbers: np.ndarray, depth: int) -> np.ndarray:
    """The first `depth` rows of some queries: [b, depth]; -1 where a query has no more."""
    places = np.arange(depth)
    return np.where(places < segments.lengths[numbers, None], segments.starts[numbers, None] + places, NONE)


def diverse(queries: np.ndarray, documents: np.ndarray, there: np.ndarray, relevance: float, n: int) -> np.ndarray:
    """What is chosen of each query's candidates, one after the other.

    Args:
        queries: [b, d], of length 1.
        documents: [b, k, d], of length 1, each query's candidates in order.
        there: [b, k], whether there is a candidate.
        relevance: see `spread`.
        n: how many.

    Returns:
        Places among the k, [b, min(n, k)]; -1 where a query has no more.
    """
    every = np.arange(len(queries))
    near = relevance * np.matmul(documents, queries[:, :, None])[:, :, 0]
    picks = np.full((len(queries), min(n, documents.shape[1])), NONE)
    like = np.zeros_like(near)
    left = there.copy()
    for turn in range(picks.shape[1]):
        best = np.where(left, near - (1 - relevance) * like, -np.inf).argmax(axis=1)
        picks[:, turn] = np.where(left[every, best], best, NONE)
        left[every, best] = False
        to_best = np.matmul(documents, documents[every, best][:, :, None])[:, :, 0]
        like = to_best if turn == 0 else np.maximum(like, to_best)
    return picks


def unit(vectors: np.ndarray) -> np.ndarray:
    """The vectors with length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
