"""Exact search in blocks against the plain product of matrices."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hone.encoders import search, store
from hone.encoders.store import Space, Vectors, keys_of
from hone.errors import Refused


def cached_vectors(name: str, made: np.ndarray) -> Vectors:
    space = Space({"weights": name})
    texts = [f"{name} {number}" for number in range(len(made))]
    half = len(made) // 2
    for part in (slice(0, half), slice(half, None)):
        if len(texts[part]):
            space.add(keys_of(texts[part]), made[part])
    return Vectors(space, space.find(keys_of(texts)), unit=False)


@pytest.mark.parametrize("depth", [1, 7, 50, 80])
def test_nearest_is_exact(depth: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(search, "QUERIES_PER_BLOCK", 3)
    monkeypatch.setattr(
        store.Vectors,
        "blocks",
        lambda self, rows=11: (
            (s, self.take(slice(s, s + rows))) for s in range(0, len(self), rows)
        ),
    )
    draw = np.random.default_rng(3)
    queries, documents = (
        draw.normal(size=(8, 5)).astype(np.float32),
        draw.normal(size=(50, 5)).astype(np.float32),
    )
    scores, rows = search.nearest(
        cached_vectors("q", queries), cached_vectors("d", documents), depth
    )
    product = queries @ documents.T
    expected = np.argsort(-product, axis=1)[:, :depth]
    assert rows.tolist() == expected.tolist()
    np.testing.assert_allclose(scores, np.take_along_axis(product, expected, axis=1), rtol=1e-5)


def test_a_result_as_a_table():
    table = search.as_table(
        pl.Series(["q1", "q2"]),
        pl.Series(["a", "b", "c"]),
        np.array([[2.0, 1.0], [5.0, 4.0]]),
        np.array([[2, 0], [1, 2]]),
    )
    assert table.rows() == [
        ("q1", "c", 1, 2.0),
        ("q1", "a", 2, 1.0),
        ("q2", "b", 1, 5.0),
        ("q2", "c", 2, 4.0),
    ]


def test_scores_of_pairs():
    queries, documents = (
        np.eye(3, 4, dtype=np.float32),
        np.arange(8, dtype=np.float32).reshape(2, 4),
    )
    made = search.pair_scores(
        cached_vectors("q", queries),
        cached_vectors("d", documents),
        np.array([[0, 1], [2, 0]]),
        rows=1,
    )
    assert made.tolist() == [4.0, 2.0]


def test_vectors_that_are_no_numbers_are_refused():
    broken = np.full((5, 4), np.nan, dtype=np.float32)
    with pytest.raises(Refused, match="contain NaN"):
        search.nearest(
            cached_vectors("broken queries", broken[:2]),
            cached_vectors("broken documents", broken),
            3,
        )
