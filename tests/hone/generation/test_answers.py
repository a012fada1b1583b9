"""What is read from a model's answer, which may be anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.generation.answers import LONGEST, MOST_LINES, parse_answer


def texts(answer: str, kind: str = "line", cut: bool = False) -> list[str]:
    return [row["text"] for row in parse_answer(answer, kind, cut=cut)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("How are arrays sorted?", ["How are arrays sorted?"]),
        ('"How are arrays sorted?"', ["How are arrays sorted?"]),
        ("Question: How are arrays sorted?\nIt is about order.", ["How are arrays sorted?"]),
        ("1. How are arrays sorted?", ["How are arrays sorted?"]),
        ("Here is a question:\n\nHow are arrays sorted?", ["How are arrays sorted?"]),
        ("Sort arrays by:", ["Sort arrays by:"]),
        ("- **Query 2:** how", ["**Query 2:** how"]),
        ("<think>It sorts.</think>\n\nHow are arrays sorted?", ["How are arrays sorted?"]),
        ("```\nHow are arrays sorted?\n```", ["How are arrays sorted?"]),
        ('He said "yes" and "no"', ['He said "yes" and "no"']),
        ("a\x00b\tc", ["a b c"]),
        ("", []),
        ("  \n ", []),
        ("<think>without an end", []),
    ],
)
def test_a_line_is_the_first_text_without_label_bullet_and_quotes(answer: str, expected: list[str]):
    assert texts(answer) == expected


def test_each_line_is_a_text_and_the_last_of_a_cut_answer_is_left_out():
    answer = "1) first one\n\n2) second one\n3) thi"
    assert texts(answer, "lines") == ["first one", "second one", "thi"]
    assert texts(answer, "lines", cut=True) == ["first one", "second one"]
    assert texts("only half a que", cut=True) == []
    assert texts("Here are two: \n- one\n- two", "lines") == ["one", "two"]


def test_a_whole_text_keeps_its_lines():
    assert texts("Passage: one\ntwo", "text") == ["one\ntwo"]
    assert texts("one\ntwo", "text", cut=True) == []


def test_objects_are_found_among_other_text_and_need_every_field():
    answer = (
        'Here: {"query": "q 1", "negative": "n 1"} and {"query": "q 2"}\n'
        '{"query": " ", "negative": "n"} {"query": 3, "negative": "n"} {"query": "q 4", "negat'
    )
    assert parse_answer(answer, "json", ["query", "negative"]) == [
        {"query": "q 1", "negative": "n 1"}
    ]


def test_a_text_of_ten_megabytes_is_cut():
    (found,) = texts("word " * 2_000_000)
    assert len(found) <= LONGEST
    assert len(texts("one line\n" * 500_000, "lines")) == MOST_LINES


@given(
    answer=st.text(),
    kind=st.sampled_from(["line", "lines", "text", "json"]),
    cut=st.booleans(),
)
def test_any_answer_is_read_without_an_error(answer: str, kind: str, cut: bool):
    rows = parse_answer(answer, kind, ["query"] if kind == "json" else [], cut)
    assert len(rows) <= MOST_LINES
    for row in rows:
        (text,) = row.values()
        assert text.strip() == text != ""
        assert len(text) <= LONGEST
        assert "\x00" not in text
