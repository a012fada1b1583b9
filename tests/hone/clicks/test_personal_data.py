"""Personal data in queries: what is replaced, what stays, and hostile texts."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.clicks.personal_data import KINDS, is_only_personal, scrub_ids, scrub_texts


def scrubbed(text: str) -> str:
    return scrub_texts(pl.Series([text]))["text"][0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail bob@example.com now", "mail [email] now"),
        ("Bob.Smith+news@mail.example.co.uk", "[email]"),
        ("jürgen@münchen.de", "[email]"),
        ("bob＠example。com", "[email]"),
        ("https://bob:secret@example.com/a b", "[url] b"),
        ("https://example.com/?a=1&token=abc", "[url]"),
        ("ftp://example.com/x?session=1 help", "[url] help"),
        ("card 4111 1111 1111 1111", "card [number]"),
        ("4111-1111-1111-1111 declined", "[number] declined"),
        ("+49 (0)30 1234567", "[number]"),
        ("(555) 123-4567", "[number]"),
        ("06 12 34 56 78", "[number]"),
        ("order 1234567", "order [number]"),
        ("１２３４５６７", "[number]"),
        ("192.168.100.200", "[number]"),
        ("key 9f86d081884c7d659a2feaa0c55ad015", "key [token]"),
        ("AKIAIOSFODNN7EXAMPLE key", "[token] key"),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "[token]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc_def", "[token]"),
        ("123e4567-e89b-12d3-a456-426614174000 error", "[token] error"),
        ("dGhpcyBpcyBhIHNlY3JldCB0b2tlbiB3aXRoIDEyMw==", "[token]"),
    ],
)
def test_personal_data_is_replaced(text: str, expected: str):
    assert scrubbed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "iphone 15 pro max 256gb",
        "iphone-15-pro-max-256gb-blue-titanium",
        "released 2021-03-04",
        "04.03.2021",
        "summer 2019-2020",
        "world cups 2010 2014 2018 2022",
        "size 10 12 14 16",
        "https://example.com/docs?page=2",
        "internationalization-of-documentation",
        "what is @media in css",
        "python 3.11.7",
        "123456",
        "",
        "привет мир",
    ],
)
def test_other_queries_stay(text: str):
    found = scrub_texts(pl.Series([text]))
    assert found["text"][0] == text
    assert not any(found.select(KINDS).row(0))


def test_kinds_are_reported_row_by_row():
    found = scrub_texts(pl.Series(["a@b.de 1234567", None, "plain", "x 7654321"]))
    assert found["email"].to_list() == [True, False, False, False]
    assert found["number"].to_list() == [True, False, False, True]
    assert not found["url"].any()
    assert found["text"].to_list() == ["[email] [number]", None, "plain", "x [number]"]


def test_a_query_of_nothing_else():
    texts = pl.DataFrame({"text": ["[email]", " [number], [token]!", "[email] help", "help", "!"]})
    assert texts.select(is_only_personal(pl.col("text")))["text"].to_list() == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_ids_keep_numbers_and_lose_mail_addresses():
    ids = pl.DataFrame({"doc_id": ["123456789", "bob@example.com/7", "http://a:b@c.d/e"]})
    assert ids.select(scrub_ids(pl.col("doc_id")))["doc_id"].to_list() == [
        "123456789",
        "[email]/7",
        "[url]",
    ]


@given(st.lists(st.text() | st.text("0123456789 -@.aA/:=", max_size=80) | st.emails(), max_size=5))
def test_scrubbing_again_changes_nothing_and_leaves_no_long_number(texts: list[str]):
    once = scrub_texts(pl.Series(texts, dtype=pl.String))["text"]
    assert scrub_texts(once)["text"].to_list() == once.to_list()
    assert not once.str.contains(r"\d{7}").any()
    assert len(once) == len(texts)


@pytest.mark.parametrize("piece", ["a", "1 ", "1  a", "a@", "a.", "://", "-1", "eyJ", "aA1/"])
def test_long_hostile_texts_take_linear_time(piece: str):
    """A quadratic expression would take hours for a million characters."""
    text = piece * (1_000_000 // len(piece))
    assert len(scrub_texts(pl.Series([text]))) == 1
