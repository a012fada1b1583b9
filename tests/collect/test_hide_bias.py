"""Hiding rather what BM25 does not find."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from hone.data import tables
from hone.data.tables import Documents
from hone.errors import Refused
from tasks.collect.hide_bias import DEPTH, rank_weights
from tests.prepared import collected, pairs, write_params, write_rows

TEXTS = {
    "d1": "sorting arrays",
    "d2": "sorting arrays with many other words in it",
    "d3": "bananas",
    "p-1": "arrays of stars",
    "p-2": "bananas",
}


def test_ranks_by_hand(workspace: Path):
    documents = pl.DataFrame(
        [(doc, None, text, "p" if doc.startswith("p-") else None) for doc, text in TEXTS.items()],
        orient="row",
    )
    documents.columns = ["doc_id", "title", "text", "parent_id"]
    tables.write("documents", tables.shaped("documents", documents), Path("documents.parquet"))
    queries = pl.DataFrame({"query_id": ["q"], "text": ["sorting arrays"]})
    positives = pl.DataFrame({"query_id": ["q"] * 4, "doc_id": ["d2", "p", "d3", "d1"]})
    # The shorter of two with both words is first; one word is third, found through its parent; no
    # common word is behind all.
    assert rank_weights(
        positives, queries, Documents(Path("documents.parquet")), "english"
    ).tolist() == [2, 3, DEPTH + 1, 1]


@pytest.fixture
def ours(workspace: Path) -> Path:
    """Forty queries, each with an answer in its own words and one in others."""
    numbers = range(40)
    documents = [
        {"doc_id": f"{kind}{n}", "text": f"{word}{n}"}
        for n in numbers
        for kind, word in (("same", "alpha"), ("other", "beta"))
    ]
    queries = [
        {"query_id": f"q{n}", "text": f"what is alpha{n}", "split": "train"} for n in numbers
    ]
    write_rows(
        workspace / "inputs/ours",
        documents,
        queries,
        pairs(*((f"q{n}", f"{kind}{n}") for n in numbers for kind in ("same", "other"))),
    )
    return workspace


def hidden(**hide: object) -> list[str]:
    write_params(
        collections={
            "ours": {
                "source": "folder",
                "path": "inputs/ours",
                "hide": {"share": 0.5, "seed": 1} | hide,
            }
        }
    )
    collected()
    return tables.read("hidden", Path("data/ours/hidden.parquet"))["doc_id"].to_list()


def test_answers_in_other_words_are_hidden_rather_than_others(ours: Path):
    uniform, biased = hidden(), hidden(bias="bm25")
    assert len(uniform) == len(biased) == 40
    assert json.loads(Path("data/ours/about.json").read_text())["queries_without_terms"] == 0
    assert 10 < sum(doc.startswith("other") for doc in uniform) < 30
    assert sum(doc.startswith("other") for doc in biased) >= 37
    assert hidden(bias="uniform") == uniform


def test_another_bias_is_refused(ours: Path):
    with pytest.raises(Refused, match="hide.bias"):
        hidden(bias="dense")
