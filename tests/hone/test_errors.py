"""The nearest name, and lists of names, in sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import console
from hone.errors import Refused, listed, nearest, printable
from hone.stage import ended_by_sentences, say

CLIPBOARD, LINK, EIGHT_BIT, BACKWARDS = (
    "\x1b]52;c;bm8=\x07",
    "\x1b]8;;http://x\x1b\\",
    "\x9b31m",
    "\u202eevil",
)


def test_the_nearest_name_or_all_of_them_each_once():
    assert nearest("lokal", ["local", "endpoint"]) == "did you mean 'local'?"
    assert nearest("x", ["local", "guide", "local"]) == "valid: guide, local"
    assert nearest("x", []) == "no valid names exist"


def test_the_first_few_values_and_how_many_more():
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed(range(7), most=2) == "'0', '1' and 5 more"


def test_a_refusal_knows_what_it_is_about():
    assert Refused("wrong").path == ()
    assert (str(Refused("wrong", ("top", "n"))), Refused("wrong", ("top", "n")).path) == (
        "wrong",
        ("top", "n"),
    )


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (CLIPBOARD, "\\x1b]52;c;bm8=\\x07"),
        (LINK, "\\x1b]8;;http://x\\x1b\\"),
        (EIGHT_BIT, "\\x9b31m"),
        (BACKWARDS, "\\u202eevil"),
        ("half \ud83d of a pair", "half \\ud83d of a pair"),
        ("a\rb", "a\\rb"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("Zürich 黄山 😀 naïve", "Zürich 黄山 😀 naïve"),
    ],
)
def test_what_a_terminal_would_obey_is_spelt_out(text: str, printed: str):
    assert printable(text) == printed


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_what_is_printed_can_be_encoded_and_holds_no_control_character(text: str):
    printed = printable(text, lines=False)
    printed.encode()
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in printed)
    assert printable(printed) == printed


def test_every_way_to_the_terminal_spells_escape_sequences_out(capsys: pytest.CaptureFixture[str]):
    console.line(CLIPBOARD)
    console.table(["id"], [[LINK], [EIGHT_BIT]])
    say(BACKWARDS)
    with pytest.raises(SystemExit) as ended, ended_by_sentences("hone"):
        raise Refused(f"no document {listed([CLIPBOARD])}")
    output = "".join(capsys.readouterr()) + ended.value.code
    assert not set(output) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert output.count("\\x1b]52;c;") == 2


def test_an_id_with_a_line_feed_does_not_look_like_a_line_of_its_own():
    assert listed(["a\nhone: all is well"]) == "'a\\nhone: all is well'"
