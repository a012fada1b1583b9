"""BEIR's layout, and TREC's labels in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hone.errors import Refused
from tasks.collect.beir import beir


@pytest.fixture
def folder(workspace: Path) -> Path:
    (workspace / "qrels").mkdir()
    corpus = [
        {"_id": "007", "title": "a title", "text": "a text"},
        {"_id": "d2", "title": "", "text": "another"},
    ]
    (workspace / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in corpus))
    (workspace / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "ask"}\n{"_id": "q2", "text": "unjudged"}\n'
    )
    (workspace / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\t007\t2\n")
    return workspace


def test_what_is_read(folder: Path):
    source = beir(folder, None)
    assert source.documents.select("doc_id", "title", "text").rows() == [
        ("007", "a title", "a text"),
        ("d2", "", "another"),
    ]
    assert source.queries.select("query_id", "split").rows() == [("q1", "test")]
    assert source.qrels.select("query_id", "doc_id", "relevance", "split").rows() == [
        ("q1", "007", 2, "test")
    ]


def test_a_line_that_is_doubled_is_not_read_in_silence(folder: Path):
    with (folder / "corpus.jsonl").open("a") as file:
        file.write('{"_id": "d2", "text": "a third"}\n')
    with pytest.raises(
        Refused, match=r"corpus\.jsonl, line 3: the id 'd2' already occurs on line 2"
    ):
        beir(folder, None)


def test_a_grade_that_is_no_number(folder: Path):
    with (folder / "qrels/test.tsv").open("a") as file:
        file.write("q1\td2\thigh\n")
    with pytest.raises(Refused, match=r"test\.tsv, line 3"):
        beir(folder, None)


def labels(folder: Path, content: str) -> list[tuple]:
    (folder / "qrels/test.tsv").write_text(content)
    return beir(folder, None).qrels.select("query_id", "doc_id", "relevance").rows()


def test_labels_without_a_heading(folder: Path):
    assert labels(folder, "q1\t007\t1\nq2\td2\t1.0\n") == [("q1", "007", 1), ("q2", "d2", 1)]


def test_labels_of_trec(folder: Path):
    (folder / "qrels/test.tsv").write_text("q1 0 007 2\nq2  0\td2 -1\r\n\n")
    source = beir(folder, None)
    assert source.qrels.select("query_id", "doc_id", "relevance").rows() == [
        ("q1", "007", 2),
        ("q2", "d2", 0),
    ]
    assert source.counts == {"missing_titles": 0, "negative_grades": 1, "repeated_ids": 0}


def test_ids_with_blanks_and_quotes(folder: Path):
    assert labels(folder, 'query-id\tcorpus-id\tscore\nq1\ta b\t1\n"q ""2"\td2\t1\n') == [
        ("q1", "a b", 1),
        ('q "2', "d2", 1),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("q1\t007\thigh\n", "line 1: 'q1\\t007\\thigh' is neither a label nor a header"),
        ("q1\t007\tnan\n", "line 1: 'q1\\t007\\tnan' is neither a label nor a header"),
        ("q1\t007\t0.5\n", "line 1: the grade is '0.5', which is not a whole number"),
        (
            "q1\t007\t99999999999\n",
            "line 1: the grade is '99999999999', which exceeds 2,147,483,647",
        ),
        ("q1\t007\t1\nq1 x\td2 1\n", "line 2: 'q1 x\\td2 1' is not a label"),
        ("q1 0 007 1\nq1 d2 d3 1\n", "line 2: 'q1 d2 d3 1' is not a label"),
        ("q1\t007\t1\nq1\td2\n", "line 2: 'q1\\td2' is not a label"),
    ],
)
def test_lines_that_are_no_labels(folder: Path, content: str, message: str):
    with pytest.raises(Refused) as refused:
        labels(folder, content)
    assert message in str(refused.value)


def test_a_field_of_many_letters_is_no_traceback(folder: Path):
    with pytest.raises(Refused, match=r"test\.tsv, line 2"):
        labels(folder, 'q1\t007\t1\n"' + "x" * 200_000 + '"\td2\t1\n')


def test_an_id_that_is_not_a_number_is_none(folder: Path):
    with (folder / "corpus.jsonl").open("a") as file:
        file.write('{"_id": NaN, "text": "a third"}\n')
    assert beir(folder, None).documents["doc_id"].to_list() == ["007", "d2", None]


def test_scifact(shared: Path):
    source = beir(shared / "scifact", None)
    assert len(source.documents) == 5183
    assert len(source.queries.filter(split="test")) == 300
