"""The filters, each with an answer worked by hand."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.data import tables
from hone.data.same_queries import share_labels
from hone.data.tables import normalised
from hone.errors import Refused
from tasks.sample.filters.labelled import labelled
from tasks.sample.filters.near_duplicate import near_duplicate
from tasks.sample.filters.positive_aware import positive_aware
from tasks.sample.filters.same_parent import same_parent
from tasks.sample.filters.same_text import same_text

LONG = (
    "the quick brown fox jumps over the lazy dog and then runs far away from the house on the hill"
)


def pool(*pairs: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"query_id": [query for query, _ in pairs], "doc_id": [doc for _, doc in pairs]}
    )


def texts(**given: str) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"doc_id": list(given), "full_text": list(given.values()), "parent_id": [None] * len(given)}
    )
    return frame.with_columns(plain=normalised(pl.col("full_text")))


def labels(*rows: tuple[str, str, str]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["query_id", "doc_id", "label"], orient="row")
    return frame.with_columns(judge=pl.lit("qrels"), reason=pl.lit(None, dtype=pl.String))


def scores(**given: float) -> pl.DataFrame:
    return pl.DataFrame(
        {"query_id": "q", "doc_id": list(given), "scorer": "dense", "score": list(given.values())}
    )


def list_removed(frame: pl.DataFrame) -> list[tuple[str, str]]:
    return sorted(frame.select("query_id", "doc_id").unique().rows())


def test_sibling_positives_mined_as_negatives():
    """Every known positive of the query counts, by id and by text, and grades between; those of
    other queries do not.
    """
    known = labels(
        ("q", "a", "positive"),
        ("q", "b", "positive"),
        ("q", "c", "unknown"),
        ("q", "n", "negative"),
        ("p", "z", "positive"),
    )
    found = labelled(
        pool(("q", "b"), ("q", "c"), ("q", "copy"), ("q", "n"), ("q", "z")),
        known,
        texts(a="don't", b="two", c="three", copy="Don’t", n="no", z="other"),
    )
    assert list_removed(found) == [("q", "b"), ("q", "c"), ("q", "copy")]


def test_a_positive_of_a_query_with_the_same_text_is_no_negative_and_hone_why_names_that_query():
    known = labels(("q1", "a", "positive"), ("q2", "b", "positive"))
    queries = pl.DataFrame(
        {
            "query_id": ["q1", "q2"],
            "text": ["Reset my password", "reset my  password "],
            "collection": "c",
        }
    )
    shared = share_labels(tables.shaped("labels", known), queries)
    found = labelled(
        pool(("q1", "b"), ("q1", "n"), ("q2", "a")), shared, texts(a="one", b="two", n="no")
    )
    assert sorted(found.rows()) == [
        ("q1", "b", "labelled positive for the query q2, which has the same text"),
        ("q2", "a", "labelled positive for the query q1, which has the same text"),
    ]


def test_negatives_that_are_the_positive():
    """A corpus with twelve trivial variants of the positive: none is left."""
    variants = [
        "The  Answer",
        "the answer.",
        "THE ANSWER",
        " the answer ",
        "the answer!",
        "The answer",
        "the answer?",
        "'the answer'",
        "(the answer)",
        "the\tanswer",
        "The Answer;",
        "the\nanswer,",
    ]
    named = {f"v{number}": text for number, text in enumerate(variants)}
    found = same_text(
        pool(*(("q", name) for name in named), ("q", "else")),
        pool(("q", "a")),
        texts(a="the answer", **named, **{"else": "x"}),
    )
    assert list_removed(found) == sorted(("q", name) for name in named)


def test_near_duplicates_of_a_positive():
    found = near_duplicate(
        pool(("q", "near"), ("q", "far"), ("p", "near")),
        pool(("q", "a"), ("p", "far")),
        texts(
            a=LONG,
            near=LONG + " today",
            far="something else altogether that has no words in common",
        ),
    )
    assert list_removed(found) == [("q", "near")]


def test_chunks_of_a_positives_parent():
    documents = pl.DataFrame(
        {
            "doc_id": ["a1", "a2", "b1", "a"],
            "full_text": list("wxyz"),
            "parent_id": ["a", "a", "b", None],
        }
    )
    found = same_parent(
        pool(("q", "a2"), ("q", "b1"), ("q", "a"), ("p", "a2")),
        pool(("q", "a1"), ("p", "b1")),
        documents,
    )
    assert list_removed(found) == [("q", "a"), ("q", "a2")]


def test_share_of_the_lowest_positive():
    """Lowest positive .80; .95 of it is .76: what scores .77 goes, what scores .76 stays."""
    found = positive_aware(
        pool(("q", "above"), ("q", "at"), ("q", "below")),
        pool(("q", "high"), ("q", "low")),
        scores(high=0.9, low=0.8, above=0.77, at=0.76, below=0.2),
        share=0.95,
    )
    assert list_removed(found) == [("q", "above")]


def test_relative_threshold_with_negative_scores():
    """Positive -2: a share of .95 bounds at -2.1, not at -1.9, which is above the positive
    itself.
    """
    found = positive_aware(
        pool(("q", "near"), ("q", "far")),
        pool(("q", "a")),
        scores(a=-2.0, near=-1.95, far=-2.2),
        share=0.95,
    )
    assert list_removed(found) == [("q", "near")]


def test_the_lowest_of_several_bounds_holds():
    given_scores = scores(a=0.8, x=0.72, y=0.65, z=0.55)
    candidates = pool(("q", "x"), ("q", "y"), ("q", "z"))
    assert list_removed(
        positive_aware(candidates, pool(("q", "a")), given_scores, share=0.95, margin=0.1)
    ) == [("q", "x")]
    assert list_removed(
        positive_aware(
            candidates, pool(("q", "a")), given_scores, share=None, margin=None, absolute=0.6
        )
    ) == [("q", "x"), ("q", "y")]


def test_what_nobody_scored_goes():
    assert list_removed(positive_aware(pool(("q", "x")), pool(("q", "a")), scores(a=0.8))) == [
        ("q", "x")
    ]


def test_a_rule_without_a_bound_is_refused():
    with pytest.raises(Refused, match="no threshold"):
        positive_aware(pool(("q", "x")), pool(("q", "a")), scores(a=1.0, x=0.1), share=None)


@given(positive=st.floats(-5, 5), candidate=st.floats(-5, 5), share=st.floats(0.1, 1))
def test_nothing_above_the_positive_ever_stays(positive: float, candidate: float, share: float):
    found = positive_aware(
        pool(("q", "x")), pool(("q", "a")), scores(a=positive, x=candidate), share=share
    )
    if candidate > positive:
        assert list_removed(found) == [("q", "x")]
