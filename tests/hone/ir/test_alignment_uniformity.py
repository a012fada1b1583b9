"""How vectors lie, by hand."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from hone.ir.alignment_uniformity import gap, geometry, uniformity, unit

RUN = pl.DataFrame(
    {
        "query_id": ["q", "q", "q", "r", "s"],
        "doc_id": ["a", "b", "c", "a", "b"],
        "score": [0.9, 0.7, 0.6, 0.8, 0.5],
    }
)
RIGHT = pl.DataFrame({"query_id": ["q", "r"], "doc_id": ["b", "a"]})


# Queries q, r and documents a, b, c, of any length.
PLACES = {"q": [2.0, 0.0], "r": [0.0, 1.0], "a": [0.0, 3.0], "b": [1.0, 0.0], "c": [-1.0, 0.0]}


class Made:
    def queries(self, texts: list[str]) -> Taken:
        return Taken([PLACES[text] for text in texts])

    def vectors(self, texts: list[list[str]], route: str, total: int) -> Taken:
        return Taken([PLACES[text] for chunk in texts for text in chunk])


class Taken:
    def __init__(self, rows: list[list[float]]) -> None:
        self.rows = np.array(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: np.ndarray) -> np.ndarray:
        return self.rows[rows]


class Documents:
    ids = pl.Series("doc_id", ["a", "b", "c"])

    def texts(self, ids: pl.Series) -> pl.DataFrame:
        known = self.ids.filter(self.ids.is_in(ids.implode()))
        return pl.DataFrame({"doc_id": known, "full_text": known})


def test_the_gap_is_of_the_best_answer_over_the_best_other():
    # q: b is the only answer, .7 - .9; r has no other document, s no answer.
    assert gap(RUN, RIGHT) == pytest.approx(-0.2)
    assert gap(RUN.clear(), RIGHT) is None


def test_uniformity_of_opposite_and_of_equal_vectors():
    assert uniformity(np.array([[1.0, 0.0], [-1.0, 0.0]])) == pytest.approx(
        -8
    )  # squared distance 4
    assert uniformity(np.array([[1.0, 0.0], [1.0, 0.0]])) == pytest.approx(0)
    assert uniformity(np.array([[1.0, 0.0]])) is None


def test_all_three_of_a_model():
    queries = pl.DataFrame({"query_id": ["q", "r"], "text": ["q", "r"]})
    qrels = pl.DataFrame(
        {"query_id": ["q", "q", "r"], "doc_id": ["b", "a", "gone"], "relevance": [1, 1, 1]}
    )
    found = geometry(Made(), queries, Documents(), qrels, RUN, 1)
    # q to b: 0, q to a: 2; an answer that is not in the collection counts for nothing.
    assert found["alignment"] == pytest.approx(1.0)
    # a and b, a and c: 2; b and c: 4.
    assert found["uniformity"] == pytest.approx(math.log((2 * math.exp(-4) + math.exp(-8)) / 3))
    assert found["gap"] == pytest.approx(0.9 - 0.6)


def test_a_collection_without_answers_has_no_alignment():
    queries = pl.DataFrame({"query_id": ["q"], "text": ["q"]})
    none = pl.DataFrame(schema={"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32})
    assert geometry(Made(), queries, Documents(), none, RUN, 1)["alignment"] is None


def test_length_does_not_matter():
    assert unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0.0, 0.0],
    ]


def test_a_vector_without_direction_counts_nowhere(monkeypatch: pytest.MonkeyPatch):
    queries = pl.DataFrame({"query_id": ["q", "r"], "text": ["q", "r"]})
    qrels = pl.DataFrame({"query_id": ["q", "r"], "doc_id": ["b", "b"], "relevance": [1, 1]})
    for name in ("c", "q"):
        monkeypatch.setitem(PLACES, name, [0.0, 0.0])
    found = geometry(Made(), queries, Documents(), qrels, RUN, 1)
    # r to b and a to b: 2, as they stand at right angles; q and c are not there.
    assert (found["alignment"], found["uniformity"]) == (pytest.approx(2.0), pytest.approx(-4.0))
    for name in PLACES:
        monkeypatch.setitem(PLACES, name, [0.0, 0.0])
    found = geometry(Made(), queries, Documents(), qrels, RUN, 1)
    assert (found["alignment"], found["uniformity"]) == (None, None)


def test_in_parts_it_is_the_same(monkeypatch: pytest.MonkeyPatch):
    queries = pl.DataFrame({"query_id": ["q", "r"], "text": ["q", "r"]})
    qrels = pl.DataFrame(
        {"query_id": ["q", "q", "r"], "doc_id": ["b", "a", "c"], "relevance": [1, 1, 1]}
    )
    whole = geometry(Made(), queries, Documents(), qrels, RUN, 1)
    assert whole["alignment"] == pytest.approx((0 + 2 + 2) / 3)
    monkeypatch.setattr("hone.ir.alignment_uniformity.PAIRS_AT_ONCE", 2)
    assert geometry(Made(), queries, Documents(), qrels, RUN, 1) == pytest.approx(whole)
