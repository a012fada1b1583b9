"""BEIR's layout, through beir's loader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.collect.beir import beir
from tasks.errors import Refused


@pytest.fixture
def folder(workspace: Path) -> Path:
    (workspace / "qrels").mkdir()
    corpus = [{"_id": "007", "title": "a title", "text": "a text"}, {"_id": "d2", "title": "", "text": "another"}]
    (workspace / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in corpus))
    (workspace / "queries.jsonl").write_text('{"_id": "q1", "text": "ask"}\n{"_id": "q2", "text": "unjudged"}\n')
    (workspace / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\t007\t2\n")
    return workspace


def test_what_is_read(folder: Path):
    source = beir(folder, None)
    assert source.documents.select("doc_id", "title", "text").rows() == [("007", "a title", "a text"), ("d2", "", "another")]
    assert source.queries.select("query_id", "split").rows() == [("q1", "test")]
    assert source.qrels.select("query_id", "doc_id", "relevance", "split").rows() == [("q1", "007", 2, "test")]


def test_a_line_that_is_doubled_is_not_read_in_silence(folder: Path):
    with (folder / "corpus.jsonl").open("a") as file:
        file.write('{"_id": "d2", "text": "a third"}\n')
    with pytest.raises(Refused, match=r"corpus\.jsonl, line 3: the id 'd2' stands on line 2 already"):
        beir(folder, None)


def test_a_grade_that_is_no_number(folder: Path):
    with (folder / "qrels/test.tsv").open("a") as file:
        file.write("q1\td2\thigh\n")
    with pytest.raises(Refused, match=r"test\.tsv, line 3"):
        beir(folder, None)


def test_scifact(shared: Path):
    source = beir(shared / "scifact", None)
    assert len(source.documents) == 5183
    assert len(source.queries.filter(split="test")) == 300
