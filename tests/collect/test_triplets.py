"""Training files of other libraries, read; and written again by `hone export data`."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from commands.export import export
from hone.errors import Refused
from tasks.collect.triplets import text_id, triplets
from tests.prepared import collected, write_params
from tests.stages import start

LINES = {
    "sentence-transformers": [
        {"anchor": "sort a list", "positive": "def sort", "negative": "def sum"}
    ],
    "flagembedding": [{"query": "sort a list", "pos": ["def sort"], "neg": ["def sum"]}],
    "tevatron": [
        {
            "query": "sort a list",
            "positive_passages": [{"title": "", "text": "def sort"}],
            "negative_passages": [{"text": "def sum"}],
        }
    ],
}


def write(file: Path, lines: list[dict]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.mark.parametrize("layout", LINES)
def test_each_layout_says_the_same(workspace: Path, layout: str):
    source = triplets(write(workspace / "t.jsonl", LINES[layout]), None)
    assert source.qrels.select("query_id", "doc_id", "relevance").rows() == [
        (text_id("sort a list"), text_id("def sort"), 1),
        (text_id("sort a list"), text_id("def sum"), 0),
    ]


def test_a_document_that_is_positive_and_negative_is_refused(workspace: Path):
    lines = [{"query": "a", "pos": ["x"], "neg": ["y"]}, {"query": "a", "pos": ["y"], "neg": []}]
    with pytest.raises(
        Refused, match="line 2: 'y' is a positive of 'a' here and the opposite on line 1"
    ):
        triplets(write(workspace / "t.jsonl", lines), None)


def test_a_line_in_no_layout_is_refused(workspace: Path):
    with pytest.raises(
        Refused, match="line 1: a query or positive is missing. The line has 'text'"
    ):
        triplets(write(workspace / "t.jsonl", [{"text": "x"}]), None)


@pytest.mark.parametrize("layout", ["sentence-transformers", "flagembedding", "tevatron"])
def test_what_is_exported_is_read_as_it_was(workspace: Path, layout: str):
    lines = [
        {
            "query": f"question number {number}",
            "pos": [f"answer {number}", f"other answer {number}"],
            "neg": [f"wrong {number}"],
        }
        for number in range(20)
    ]
    write(Path("inputs/t.jsonl"), lines)
    write_params(
        collections={
            "ours": {"source": "triplets", "path": "inputs/t.jsonl", "split": {"dev": 0, "test": 0}}
        },
        evaluate_on=["ours"],
    )
    collected()
    start()
    export("r0", layout, Path("out.jsonl"))
    before, after = (
        triplets(file, None).qrels.select("query_id", "doc_id", "relevance")
        for file in (Path("inputs/t.jsonl"), Path("out.jsonl"))
    )
    assert sorted(after.rows()) == sorted(before.rows())
    assert len(before.filter(pl.col("relevance") == 0)) == 20
