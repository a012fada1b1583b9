"""ensemble: similarity of a candidate to its query, or to the query's labelled positives, by
several encoders.

Their vectors are concatenated and reduced to the principal components with 95 % of the variance, as
in Hard Negative Mining for Domain-Specific Retrieval in Enterprise Systems (arXiv 2505.18366; six
encoders there).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import AfterValidator, Field

from hone.data.training_set import TrainingCollection
from hone.encoders.encoder import Encoder
from hone.encoders.round_encoders import Models
from hone.encoders.search import rows_of
from hone.encoders.store import Vectors
from hone.stage import say

ROWS = 8192  # vectors, or pairs, in memory at once besides the reduced ones


def named_once(encoders: list[str | None]) -> list[str | None]:
    """Return the list unchanged. Raises ValueError if an encoder is named twice, which would
    double its weight.
    """
    twice = next((name for place, name in enumerate(encoders) if name in encoders[:place]), ...)
    if twice is not ...:
        called = "the round's starting model (null)" if twice is None else f"'{twice}'"
        raise ValueError(f"the ensemble names {called} twice. Remove one of them")
    return encoders


def ensemble(
    pairs: pl.DataFrame,
    positives: pl.DataFrame,
    collection: TrainingCollection,
    models: Models,
    *,
    encoders: Annotated[list[str | None], Field(min_length=1), AfterValidator(named_once)],
    variance: Annotated[float, Field(gt=0, le=1)] = 0.95,
    to: Literal["query", "positives"] = "query",
) -> pl.DataFrame:
    """The cosine of reduced vectors for pairs of the collection, from -1 to 1.

    Vectors of encoders that use cosine are normalized, so no encoder dominates. Mean and components
    are those of the documents of the pairs [Hone default], because the paper does not define them.
    Queries are centered and projected with the same transform. Cosines of centered vectors spread
    around 0, so a threshold chosen for one encoder's cosines is not valid here.

    Args:
        pairs: query_id, doc_id. Pairs of other collections are skipped.
        positives: query_id, doc_id: labelled positives.
        collection: the source of the texts.
        models: the available encoders.
        encoders: names as in `encoder: {model: NAME}`, for a Hub id with its commit as
            `NAME@COMMIT`. Null: the round's starting model. `r0`: the base model. Identical
            encoders count once, with a log message: concatenated with itself, an encoder gives its
            own scores (`[null, r0]` in a round from r0).
        variance: fraction of the documents' variance that is kept. [paper]
        to: compare a document with its query, or with the most similar labelled positive (maximum
            over positives, a choice of Hone). [Hone default]

    Returns:
        query_id, doc_id, score. The reduced vectors of the pairs' documents are kept in memory, in
        fp32.
    """
    queries = (
        collection.queries()
        .join(pairs, on="query_id", how="semi", maintain_order="left")
        .select("query_id", "text")
    )
    here = pairs.join(queries, on="query_id", how="semi", maintain_order="left").select(
        "query_id", "doc_id"
    )
    if here.is_empty():
        return here.with_columns(score=pl.lit(None, dtype=pl.Float32))
    known = positives.join(here, on="query_id", how="semi", maintain_order="left").select(
        "query_id", known="doc_id"
    )
    wanted = pl.concat([here["doc_id"], known["known"]]).unique()
    used = drop_identical([models.encoder(name) for name in encoders], collection.name)
    found = [encoder.documents_of(collection.documents, wanted) for encoder in used]
    doc_ids, documents = found[0][0], [vectors for _, vectors in found]
    projection = components(documents, variance)
    reduced = projection.of(documents)
    if to == "query":
        query_vectors = projection.of(
            [encoder.queries(queries["text"].to_list()) for encoder in used]
        )
        return here.with_columns(
            score=cosines(query_vectors, reduced, rows_of(here, queries["query_id"], doc_ids))
        )
    compared = here.join(known, on="query_id", how="inner", maintain_order="left")
    scores = cosines(
        reduced, reduced, rows_of(compared.select("known", "doc_id"), doc_ids, doc_ids)
    )
    return (
        compared.with_columns(score=scores)
        .group_by("query_id", "doc_id", maintain_order=True)
        .agg(pl.col("score").max())
    )


def drop_identical(encoders: list[Encoder], collection: str) -> list[Encoder]:
    """The encoders without duplicates of earlier ones. Logs the number of duplicates."""
    spaces = [
        tuple(encoder.space(route).folder for route in ("query", "document"))
        for encoder in encoders
    ]
    left = [
        encoder for place, encoder in enumerate(encoders) if spaces[place] not in spaces[:place]
    ]
    if len(left) < len(encoders):
        of = f"{len(encoders)} encoders of the ensemble include only {len(left)} distinct" + (
            " alone" if len(left) == 1 else ""
        )
        say(f"score: {collection}: {of}; the others are the same model with the same settings")
    return left


@dataclass(frozen=True)
class Components:
    """Principal components: `mean` [d], `axes` [d, k] by descending variance, and the fraction
    `share` of the variance.
    """

    mean: np.ndarray
    axes: np.ndarray
    share: float

    def of(self, sides: Sequence[Vectors]) -> np.ndarray:
        """Concatenated vectors of several encoders, centered and projected: [n, k] in fp32,
        normalized.
        """
        reduced = np.concatenate([(block - self.mean) @ self.axes for block in side_by_side(sides)])
        return (reduced / np.maximum(np.linalg.norm(reduced, axis=1, keepdims=True), 1e-12)).astype(
            np.float32
        )


def components(sides: Sequence[Vectors], variance: float) -> Components:
    """The fewest principal components (at least one) with a fraction of the variance of n vectors
    [n, d]. They are the eigenvectors of the covariance [d, d] in fp64.
    """
    count = len(sides[0])
    mean = sum(block.sum(0) for block in side_by_side(sides)) / count
    covariance = sum((block - mean).T @ (block - mean) for block in side_by_side(sides)) / count
    values, axes = np.linalg.eigh(covariance)
    values, axes = np.maximum(values[::-1], 0), axes[:, ::-1]
    total = values.sum()
    explained = np.cumsum(values) / total if total > 0 else np.ones(len(values))
    most = int(np.searchsorted(explained, variance - 1e-12)) + 1
    return Components(mean, axes[:, :most], float(explained[min(most, len(explained)) - 1]))


def side_by_side(sides: Sequence[Vectors]) -> Iterator[np.ndarray]:
    """Concatenated vectors of the same texts by several encoders: blocks [rows, d] of fp64."""
    for start in range(0, len(sides[0]), ROWS):
        yield np.hstack([vectors.take(slice(start, start + ROWS)) for vectors in sides]).astype(
            np.float64
        )


def cosines(left: np.ndarray, right: np.ndarray, rows: np.ndarray) -> pl.Series:
    """Inner products of pairs [n, 2] of rows."""
    scores = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        scores[start : start + ROWS] = np.einsum(
            "nd,nd->n", left[part[:, 0]], right[part[:, 1]], optimize=False
        )
    return pl.Series(scores)
