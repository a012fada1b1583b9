"""Filters of generated queries, on worked examples."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.errors import Refused
from tasks.generate.filters.copy import copied_share, copy
from tasks.generate.filters.language import language
from tasks.generate.filters.length import length
from tasks.generate.filters.near_duplicate import near_duplicate
from tasks.generate.filters.per_document import per_document
from tasks.generate.filters.round_trip import row_of


@dataclass
class Collection:
    """What the cheap filters read of a collection."""

    language: str = "english"
    training_pairs: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"text": pl.String})
    )


def queries(*texts: str, documents: tuple[str, ...] | None = None) -> pl.DataFrame:
    """Queries q0, q1, ... of documents d0, d1, ..."""
    return pl.DataFrame(
        {
            "query_id": [f"q{number}" for number in range(len(texts))],
            "text": texts,
            "doc_id": [f"d{number}" for number in range(len(texts))],
            "method": "questions",
            "document": documents or ("",) * len(texts),
        }
    )


def ids(removed: pl.DataFrame) -> list[str]:
    return removed["query_id"].to_list()


def test_length_counts_words_and_refuses_endless_ones():
    given = queries(
        "one", "two words", "a b c d", "\u6570\u7d44\u3092\u6574\u5217", "x" * 201 + " y"
    )
    assert ids(length(given, shortest=2, longest=3)) == ["q0", "q2", "q4"]
    assert ids(length(given, shortest=0, longest=64)) == ["q4"]


@pytest.mark.parametrize(
    ("query", "document", "share"),
    [
        ("sort the array", "We sort the array here.", 1.0),
        ("quickly sort the array", "We sort the array here.", 3 / 4),
        ("sort an array", "We sort the array here.", 0.0),
        ("sort the", "We sort the array here.", 0.0),
        ("SORT, the array!", "sort the array", 1.0),
        ("a b c x y z", "a b c and x y z", 1.0),
        ("", "anything", 0.0),
    ],
)
def test_copied_words_stand_in_runs_of_three(query: str, document: str, share: float):
    assert copied_share(query, document, 3) == pytest.approx(share)


def test_copy_removes_only_above_its_limit():
    given = queries("quickly sort the array", documents=("We sort the array here.",))
    assert ids(copy(given, most=0.75)) == []
    assert ids(copy(given, most=0.74)) == ["q0"]
    assert copy(given, most=0.74)["detail"][0] == "75% of its words are copied"


@given(st.text(), st.text(), st.integers(1, 5))
def test_a_copied_share_is_a_share(query: str, document: str, run: int):
    assert 0 <= copied_share(query, document, run) <= 1
    words = len(query.split())
    if words >= run and query.isascii() and query.replace(" ", "").isalpha():
        assert copied_share(query, query, run) == 1


def test_language_removes_what_is_surely_another():
    english = "Which function returns the sorted copy of an array along one axis?"
    german = "Welche Funktion gibt die sortierte Kopie eines Feldes entlang einer Achse wieder?"
    given = queries(english, german, "axis")
    assert ids(language(given, Collection())) == ["q1"]
    assert ids(language(given, Collection("german"))) == ["q0"]
    assert ids(language(given, Collection("none"))) == []
    assert ids(language(given, Collection(), languages=["en", "de"])) == []
    with pytest.raises(Refused, match="there is no language 'eng'"):
        language(given, Collection(), languages=["eng"])


def test_of_queries_like_each_other_the_first_stays():
    given = queries(
        "How can I sort an array along an axis?",
        "how can i sort an array along an axis",
        "What is the inverse of a matrix?",
        "Invert a square matrix by Gauss elimination",
    )
    training = pl.DataFrame({"text": ["invert a square matrix by gauss elimination!"]})
    found = near_duplicate(given, Collection(training_pairs=training))
    assert ids(found) == ["q1", "q3"]
    assert "generated query" in found["detail"][0]
    assert "training query" in found["detail"][1]
    assert ids(near_duplicate(given, Collection(training_pairs=training), training=False)) == ["q1"]


def test_per_document_keeps_the_first_of_each_method():
    given = queries("a b", "c d", "e f", "g h").with_columns(
        doc_id=pl.Series(["d0", "d0", "d1", "d0"]),
        method=pl.Series(["questions", "questions", "questions", "ict"]),
    )
    assert ids(per_document(given, most=1)) == ["q1"]
    assert ids(per_document(given, most=2)) == []


def test_a_row_of_an_unknown_document_is_none():
    assert row_of(pl.Series(["b", "x"]), pl.Series(["a", "b"])).tolist() == [1, -1]
