"""Markdown shows a text as it is, whatever the text contains."""

from __future__ import annotations

import polars as pl
import pytest

from hone.present.markdown import (
    escape_cell,
    escape_prose,
    escape_text,
    finish_sentence,
    format_frame,
    format_table,
    format_texts,
)


@pytest.mark.parametrize(
    "text",
    [
        "a | b",
        "`x`",
        "<script>",
        "# title",
        "[a](b)",
        "two\nlines",
        "*bold* _it_",
        "&lt;b&gt; ~x~ $y$ a@b.c",
    ],
)
def test_names_are_no_markup(text: str):
    lines = format_frame(pl.DataFrame({"name": [text]})).splitlines()
    assert len(lines) == 3
    assert lines[2].replace("\\|", "").count("|") == 2
    for letter in "`*_[]<>#&~$@":
        assert lines[2].count(letter) == lines[2].count(f"\\{letter}")
    assert "\n" not in escape_text(text)


def test_numbers_that_four_digits_would_make_0():
    assert format_frame(pl.DataFrame({"p": [0.00001, 0.0, 0.5, None]})).splitlines()[2:] == [
        "| <0.0001 |",
        "| 0.0000 |",
        "| 0.5000 |",
        "|  |",
    ]


def test_marks_of_markdown_stand_as_they_are():
    assert escape_prose("s+ * share <b> | `a|b`") == r"s+ \* share \<b\> \| `a|b`"
    assert escape_prose("one ` alone *") == r"one \` alone \*"
    assert escape_cell("two\nlines `a|b` | c") == r"two lines `a\|b` \| c"
    assert (finish_sentence("what it is"), finish_sentence("What?"), finish_sentence("")) == (
        "What it is.",
        "What?",
        "",
    )


def test_a_table_of_texts_escapes_them_and_one_without_rows_is_empty():
    assert format_texts(["a|b"], [["<c>"]]) == "| a\\|b |\n|---|\n| \\<c\\> |"
    assert format_table(["a"], []) == ""
