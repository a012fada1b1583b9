"""Sources of candidates that need no encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.data import tables
from hone.data.tables import Documents
from hone.errors import Refused
from hone.mining.random_documents import distinct
from tasks.retrieve.bm25 import bm25
from tasks.retrieve.judged import judged
from tasks.retrieve.random import random
from tasks.retrieve.run import match_ids, run

TEXTS = {
    "a": "sorting lists of numbers",
    "b": "a list is sorted",
    "c": "matrices and their inverses",
    "d": "the and of",
}
QUERIES = pl.DataFrame({"query_id": ["q1", "q2"], "text": ["sort a list", "invert a matrix"]})


@pytest.fixture
def documents(tmp_path: Path) -> Documents:
    file = tmp_path / "documents.parquet"
    tables.write(
        "documents",
        tables.shaped(
            "documents", pl.DataFrame({"doc_id": list(TEXTS), "text": list(TEXTS.values())})
        ),
        file,
    )
    return Documents(file)


def test_bm25_finds_stems_and_leaves_out_what_shares_no_word(documents: Documents):
    found = bm25(QUERIES.head(1), documents, "english", depth=4)
    assert sorted(found["doc_id"]) == ["a", "b"]
    assert found["rank"].to_list() == [1, 2]
    assert found["score"].min() > 0


def test_bm25_by_hand(tmp_path: Path):
    """One word, three documents, k1 .9 and b 0: idf ln(1 + (3 - 1 + .5) / (1 + .5)) times tf /
    (tf + .9) (Lucene has no (k1 + 1)).
    """
    file = tmp_path / "documents.parquet"
    tables.write(
        "documents",
        tables.shaped(
            "documents",
            pl.DataFrame({"doc_id": ["a", "b", "c"], "text": ["cat cat", "dog", "bird"]}),
        ),
        file,
    )
    found = bm25(
        pl.DataFrame({"query_id": ["q"], "text": ["cat"]}),
        Documents(file),
        "none",
        depth=3,
        k1=0.9,
        b=0.0,
    )
    assert found["doc_id"].to_list() == ["a"]
    assert found["score"][0] == pytest.approx(np.log(1 + 2.5 / 1.5) * 2 / 2.9, abs=1e-5)


def test_a_language_without_a_stemmer(documents: Documents):
    with pytest.raises(Refused, match="did you mean 'english'"):
        bm25(QUERIES, documents, "englisch")


def test_judged_negatives_are_candidates():
    labels = tables.shaped(
        "labels",
        pl.DataFrame(
            {
                "query_id": ["q"] * 3,
                "doc_id": ["a", "b", "c"],
                "label": ["positive", "negative", "negative"],
                "judge": ["qrels", "qrels", None],
            }
        ),
    )
    assert judged(labels).rows() == [("q", "b", 1, 0.0)]


def test_ids_of_a_run_may_be_encoded_as_hone_writes_them():
    """An id that is there as it stands is not decoded: `5%25` may be one."""
    known = pl.Series(["c/a b", "c/5%25", "c/x"])
    ids = pl.Series("doc_id", ["a%20b", "5%25", "x", "gone%20"])
    assert match_ids(ids, known, "c/").to_list() == ["c/a b", "c/5%25", "c/x", "c/gone%20"]


def test_a_run_file_in_the_order_of_its_scores(
    documents: Documents, tmp_path: Path, capsys: pytest.CaptureFixture
):
    file = tmp_path / "run.trec"
    file.write_text("q1 Q0 a 1 0.5 tag\nq1 Q0 b 2 0.9 tag\nq9 Q0 a 1 0.5 tag\nq1 Q0 b 3 0.1 tag\n")
    assert run(QUERIES, documents, "", file=str(file)).rows() == [
        ("q1", "b", 1, pytest.approx(0.9)),
        ("q1", "a", 2, 0.5),
    ]
    assert "1 lines repeat a document of their query" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q1 Q0 a 1 high tag\n", "line 1: 'q1 Q0 a 1 high tag' does not have six fields"),
        ("q1 Q0 a 1 0.5 tag\nq1 a 1\n", "line 2: 'q1 a 1' does not have six fields"),
        (
            "q1 Q0 z 1 0.5 tag\n",
            "1 lines whose document is not in the collection, for example 'z' .line 1.",
        ),
        ("x Q0 a 1 0.5 tag\n", "no line for any of the 2 training queries"),
        ("", "is empty"),
    ],
)
def test_a_run_file_that_cannot_be_meant(
    documents: Documents, tmp_path: Path, text: str, message: str
):
    file = tmp_path / "run.trec"
    file.write_text(text)
    with pytest.raises(Refused, match=message):
        run(QUERIES, documents, "", file=str(file))


def test_random_documents_follow_from_seed_and_round(documents: Documents):
    drawn = [
        random(QUERIES, documents, name, seed=seed, depth=2).rows()
        for name, seed in (("r1", 1), ("r1", 1), ("r2", 1), ("r1", 2))
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2] or drawn[0] != drawn[3]


@settings(max_examples=50, deadline=None)
@given(
    rows=st.integers(0, 20),
    count=st.integers(1, 60),
    depth=st.integers(1, 60),
    seed=st.integers(0, 9),
)
def test_random_documents_are_distinct(rows: int, count: int, depth: int, seed: int):
    depth = min(depth, count)
    drawn = distinct(np.random.default_rng(seed), rows, count, depth)
    assert drawn.shape == (rows, depth)
    assert all(len(set(row)) == depth and max(row) < count for row in drawn.tolist())
