"""Moves between two rankings, and how a list shows them."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from commands.search.labels import Label
from commands.search.placement import describe_label, describe_origin, place


def ranking(*docs: str) -> pl.DataFrame:
    return pl.DataFrame({"doc_id": docs, "score": [1.0 - n / 100 for n in range(len(docs))]})


def test_moves_are_those_worked_by_hand():
    """r2 moves c up by two and a down by one, finds e, and no longer shows b."""
    lists = place({"r0": ranking(*"abcde"), "r2": ranking(*"cadeb")}, {}, {}, top=3)
    assert [(hit.doc_id, describe_origin(hit)) for hit in lists["r0"]] == [
        ("a", ""),
        ("b", "left (5)"),
        ("c", ""),
    ]
    assert [(hit.doc_id, describe_origin(hit)) for hit in lists["r2"]] == [
        ("c", "↑2"),
        ("a", "↓1"),
        ("d", "new (4)"),
    ]


def test_a_document_that_the_other_model_does_not_rank_at_all_is_new_without_a_rank():
    lists = place({"r0": ranking("a"), "r2": ranking("a", "b")}, {}, {}, top=2)
    assert [describe_origin(hit) for hit in lists["r2"]] == ["=", "new"]


def test_one_model_alone_has_no_moves():
    (hits,) = place({"r0": ranking("a", "b")}, {"a": "text"}, {"b": Label(2)}, top=5).values()
    assert [(hit.move, hit.text, hit.label) for hit in hits] == [
        ("", "text", None),
        ("", "", Label(2)),
    ]


def test_a_label_is_relevant_from_the_collections_grade_on():
    assert describe_label(Label(1), 2) == "not relevant (1)"
    assert describe_label(Label(2, held_out=True), 2) == "relevant (2), held out"
    assert describe_label(None, 1) == ""


@given(st.permutations("abcdefgh"), st.permutations("abcdefgh"), st.integers(1, 8))
def test_as_many_documents_are_new_as_have_left(one: list[str], other: list[str], top: int):
    """Each list shows `top` documents, so the differences of the two sets have equal sizes. An
    arrow leads back to the rank in the other list.
    """
    lists = place({"a": ranking(*one), "b": ranking(*other)}, {}, {}, top)
    left = [hit for hit in lists["a"] if hit.move == "left"]
    new = [hit for hit in lists["b"] if hit.move == "new"]
    assert len(left) == len(new) == len(set(one[:top]) - set(other[:top]))
    for hit in lists["b"]:
        if hit.move[0] in "↑↓":
            step = int(hit.move[1:]) * (1 if hit.move[0] == "↑" else -1)
            assert one[hit.rank + step - 1] == hit.doc_id
