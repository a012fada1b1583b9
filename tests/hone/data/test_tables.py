"""The tables' schemas, and ids of joined collections."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.data import tables
from hone.data.tables import Documents, normalised
from hone.errors import Refused

ROWS = pl.DataFrame(
    {
        "doc_id": ["1", "2", "3"],
        "title": ["", "T", None],
        "text": ["a", "b", "c"],
        "parent_id": [None, "p", None],
    }
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "documents.parquet"
    tables.write("documents", tables.shaped("documents", ROWS), path)
    return path


def test_the_same_rows_give_the_same_bytes(file: Path):
    before = file.read_bytes()
    tables.write("documents", tables.shaped("documents", ROWS), file)
    assert file.read_bytes() == before


def test_ids_of_joined_collections_carry_their_name(file: Path):
    documents = Documents(file, "ours/")
    assert documents.ids.to_list() == ["ours/1", "ours/2", "ours/3"]
    assert documents.parents.rows() == [("ours/2", "ours/p")]
    assert documents.texts(["ours/2", "2"]).rows() == [("ours/2", "T b", "ours/p")]
    ids, texts = next(documents.chunks_of(pl.Series(["ours/3", "ours/1"])))
    assert (ids, texts) == (["ours/1", "ours/3"], ["a", "c"])


def test_what_an_encoder_reads(file: Path):
    assert [text for chunk in Documents(file).chunks(rows=2) for text in chunk] == ["a", "T b", "c"]


def test_a_table_with_other_columns_is_refused(tmp_path: Path):
    pl.DataFrame({"doc": ["a"], "text": ["b"]}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(
        Refused,
        match=r"x\.parquet is not a valid documents table: it lacks 'doc_id'.*it has unexpected "
        r"columns 'doc'",
    ):
        tables.read("documents", tmp_path / "x.parquet")


def test_a_missing_table_says_who_makes_it(tmp_path: Path):
    with pytest.raises(Refused, match="is missing. Run `dvc repro`"):
        tables.read("labels", tmp_path / "labels.parquet")


def test_a_file_that_is_no_parquet(tmp_path: Path):
    (tmp_path / "x.parquet").write_text("hello")
    with pytest.raises(Refused, match="cannot be read as Parquet"):
        tables.read("labels", tmp_path / "x.parquet")


def test_a_document_may_have_a_title_alone():
    """Of a missing text nothing is left but the title; of both missing an empty text, as
    encoders read it.
    """
    frame = pl.DataFrame(
        {"title": ["T", None, "T", ""], "text": [None, "x", "x", None]},
        schema={"title": pl.String, "text": pl.String},
    )
    assert frame.select(tables.full_text())["full_text"].to_list() == ["T", "x", "T x", ""]


def same(*texts: str | None) -> list[str | None]:
    return (
        pl.DataFrame({"text": texts}, schema={"text": pl.String})
        .select(normalised(pl.col("text")))["text"]
        .to_list()
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café résumé", "Cafe\u0301 re\u0301sume\u0301"),
        ("ＡＢＣ　１２", "abc 12"),
        ("don’t", "Don't"),
        ("don´t", "don't"),
        ("a 5″ disk", 'a 5" disk'),
        ("“quoted” – so", '"quoted" - so'),
        ("e‑mail − 3", "e-mail - 3"),
        ("Straße", "STRASSE"),
        ("ΟΔΟΣ", "οδος"),
        ("zero\u200bwidth", "zerowidth"),
        ("soft\u00adhyphen\ufe0f", "softhyphen"),
        ("one\u00a0space", "one  space\n"),
        ("ﬁnd ²", "find 2"),
        ("How so?", " how so "),
    ],
)
def test_spellings_of_the_same_text_are_the_same(one: str, other: str):
    assert len(set(same(one, other))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("resume", "résumé"), ("C", "C++"), ("a b", "ab"), ("黄山", "黄河"), ("x-1", "x1")],
)
def test_other_texts_are_others(one: str, other: str):
    assert len(set(same(one, other))) == 2


@given(st.lists(st.none() | st.text(), min_size=1, max_size=5))
def test_the_form_of_a_form_is_itself_whatever_stands_beside_it(texts: list[str | None]):
    forms = same(*texts)
    assert same(*forms) == forms
    assert [same(text)[0] for text in texts] == forms
    assert [form is None for form in forms] == [text is None for text in texts]
