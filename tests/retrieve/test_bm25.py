"""BM25: what it scores."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.data import tables
from hone.data.tables import Documents
from hone.errors import Refused
from hone.text.bm25 import Words, scores_of, without_terms
from tasks.retrieve.bm25 import bm25
from tests.tiny_model import WORDS


def test_scores_of_pairs_are_those_of_the_search(tmp_path: Path):
    texts = {
        f"d{number}": " ".join(WORDS[(number * step) % len(WORDS)] for step in (1, 2, 5))
        for number in range(30)
    }
    frame = pl.DataFrame({"doc_id": list(texts), "text": list(texts.values())})
    tables.write("documents", tables.shaped("documents", frame), tmp_path / "documents.parquet")
    documents = Documents(tmp_path / "documents.parquet")
    queries = pl.DataFrame(
        {
            "query_id": ["q1", "q2", "q3"],
            "text": [f"{WORDS[3]} {WORDS[8]}", WORDS[5], "nothing-known the"],
        }
    )
    found = bm25(queries, documents, "english", depth=30).select("query_id", "doc_id", "score")
    pairs = (
        queries.select("query_id")
        .join(frame.select("doc_id"), how="cross")
        .sample(fraction=0.6, shuffle=True, seed=3)
    )
    expected = pairs.join(found, on=["query_id", "doc_id"], how="left", maintain_order="left")[
        "score"
    ].fill_null(0.0)
    scored = scores_of(pairs, queries, documents, "english")
    assert scored.select("query_id", "doc_id").equals(pairs)
    assert scored["score"].to_list() == pytest.approx(expected.to_list(), abs=1e-6)
    assert scored["score"].max() > 0


def in_folder(folder: Path, *texts: str) -> Documents:
    frame = pl.DataFrame(
        {"doc_id": [f"d{number}" for number in range(len(texts))], "text": list(texts)}
    )
    tables.write("documents", tables.shaped("documents", frame), folder / "documents.parquet")
    return Documents(folder / "documents.parquet")


def query_table(*texts: str) -> pl.DataFrame:
    return pl.DataFrame({"query_id": list(texts), "text": list(texts)})


@pytest.mark.parametrize("language", ["none", "english", "chinese"])
def test_languages_without_spaces_and_single_letters_are_found(tmp_path: Path, language: str):
    documents = in_folder(
        tmp_path,
        "黄山归来不看岳",
        "สวัสดีครับ",
        "the C language",
        "R 4",
        "東京タワーの猫",
        "서울에서 만나다",
        "İSTANBUL",
    )
    queries = {
        "黄山": "d0",
        "看岳": "d0",
        "สวัสดี": "d1",
        "C": "d2",
        "4": "d3",
        "猫": "d4",
        "タワー": "d4",
        "서울": "d5",
        "istanbul": "d6",
        "ｔｈｅ　Ｃ": "d2",
    }
    found = bm25(query_table(*queries), documents, language)
    assert dict(found.filter(pl.col("rank") == 1).select("query_id", "doc_id").rows()) == queries


def test_terms_by_hand():
    words = Words("english")
    assert words.of(["Cats don't run to l'eau: it's O'Brien's 'C', read_csv _ x²"]) == [
        ["cat", "don", "run", "eau", "brien", "c", "read_csv", "x2"]
    ]
    assert words.of(["黄山归", "山", "of the", "", "cafe\u0301 ﬁn"]) == [
        ["黄山", "山归"],
        ["山"],
        [],
        [],
        ["café", "fin"],
    ]
    assert Words("turkish").of(["IŞIK İstanbul"]) == Words("turkish").of(["ışık istanbul"])
    assert Words("hindi").of(["हिन्दी"])[0]
    numbers: dict[str, int] = {}
    assert words.numbered(pl.Series(["黄山 cats cat", "the", "山"]), numbers) == [
        [0, 1, 2, 3, 3],
        [],
        [1],
    ]
    assert sorted(numbers, key=numbers.get) == ["黄", "山", "黄山", "cat"]


@given(st.lists(st.text(alphabet=st.sampled_from("abcdefgh  .,-"), max_size=30), max_size=5))
def test_words_of_two_letters_and_more_are_those_of_bm25s(texts: list[str]):
    """Without single letters nothing has changed for English."""
    import bm25s
    import Stemmer

    before = bm25s.tokenize(
        texts,
        stopwords="english",
        stemmer=Stemmer.Stemmer("english"),
        return_ids=False,
        show_progress=False,
    )
    single = re.compile(r"\b\w\b")
    assert Words("english").of([single.sub(" ", text) for text in texts]) == before


def test_queries_and_documents_without_a_term_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    documents = in_folder(tmp_path, "red cat", "the", "!")
    assert bm25(query_table("cat", "of the", "?"), documents, "english").select(
        "query_id", "doc_id"
    ).rows() == [("cat", "d0")]
    assert (
        "2 of 3 queries and 2 of 3 documents contain only stop words or punctuation"
        in capsys.readouterr().err
    )
    bm25(query_table("cat"), in_folder(tmp_path, "red cat"), "english")
    assert "no term" not in capsys.readouterr().err
    assert bm25(query_table("cat"), in_folder(tmp_path, "the"), "english").is_empty()


def test_texts_without_terms():
    assert without_terms(pl.Series(["of the", "cat", "!", "", "C", "山"]), "english").to_list() == [
        True,
        False,
        True,
        True,
        False,
        False,
    ]


def test_a_language_without_a_stemmer():
    with pytest.raises(
        Refused, match="no stemmer for the language 'chinees'; did you mean 'chinese'"
    ):
        Words("chinees")
