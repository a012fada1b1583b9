"""The example click log: `clicks` finds the documents that answer its questions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from hone.config.params import Split
from tasks.collect.clicks import clicks

SCRIPT = Path(__file__).parent.parent.parent / "inputs/examples/click_log.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("inputs") / "searches"
    subprocess.run([sys.executable, str(SCRIPT), str(made)], check=True)
    return made


def test_the_example_has_labels_and_broken_rows(folder: Path):
    found = clicks(folder, None, Split(), model="position-based")
    assert found.qrels["query_id"].n_unique() >= 300
    assert set(found.removed["rule"]) == {
        "clicked",
        "personal",
        "position",
        "query",
        "unknown-document",
    }
    propensities = found.about["position_based"]["propensities"]
    assert propensities["2"] == pytest.approx(0.5, abs=0.1)
    assert propensities["10"] == pytest.approx(0.1, abs=0.05)
    titles = dict(found.documents.select("doc_id", "title").rows())
    texts = dict(found.queries.select("query_id", "text").rows())
    best = found.qrels.filter(pl.col("relevance") == 3).select("query_id", "doc_id").rows()
    assert all(texts[query_id] and titles[doc_id] for query_id, doc_id in best)


def test_the_example_can_be_split_by_time(folder: Path):
    found = clicks(folder, None, Split(dev=0.1, test=0.2), split_by="time")
    assert set(found.queries["split"]) == {"train", "dev", "test"}
    assert found.qrels.filter(pl.col("split") == "test")["query_id"].n_unique() >= 10
