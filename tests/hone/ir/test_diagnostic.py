"""What an evaluation writes and says of a suite for one ability, by BM25 on real texts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from hone.files import read_json
from hone.ir.diagnostic import describe_measure, measures
from hone.ir.results import evaluate
from tasks.evaluate.bm25_baseline import by_words
from tests.report.made_up import save

TEXTS = {"red": "a red round stone", "blue": "a blue square house"}


@pytest.fixture
def pairs(workspace: Path) -> None:
    """Two queries, each with its own document and its twin, and one that has no label."""
    folder = Path("data/pairs")
    save(
        "documents",
        {"doc_id": list(TEXTS), "text": list(TEXTS.values())},
        folder / "documents.parquet",
    )
    queries = {
        "query_id": ["q1", "q2", "q3"],
        "text": ["round stone", "square house", "green water"],
    }
    save("queries", queries, folder / "test" / "queries.parquet")
    labels = {
        "query_id": ["q1", "q1", "q2", "q2"],
        "doc_id": ["red", "blue", "red", "blue"],
        "relevance": [1, 0, 0, 1],
    }
    save("qrels", labels | {"weight": 1.0, "source": "made up"}, folder / "test" / "qrels.parquet")
    for table in ("queries", "qrels"):
        columns = (
            {"query_id": [], "text": []} if table == "queries" else {"query_id": [], "doc_id": []}
        )
        save(table, columns, folder / "dev" / f"{table}.parquet")


def written(ability: str | None) -> dict:
    evaluate("bm25", "pairs", partial(by_words, language="english"), 1, ability=ability)
    return read_json(Path("reports/metrics/bm25/pairs.json"))


def test_the_measure_stands_beside_the_others(pairs: None, capsys: pytest.CaptureFixture[str]):
    found = written("negation")
    assert (found["pairwise_accuracy"], found["units"], found["ndcg_at_10"]) == (1.0, 1, 1.0)
    assert found["pairwise_accuracy_low"] == pytest.approx(
        0.2065, abs=1e-4
    )  # Wilson for 1 of 1: 1 / (1 + z\u00b2)
    assert (
        "nDCG@10 1.0000, pairwise_accuracy 1.0000 (0.207 to 1.000, 1 units)"
        in capsys.readouterr().err
    )
    assert (
        written("no-answer")["answerable_auc"] == 1.0
    )  # nothing is found for the query without a label


def test_other_collections_are_as_they_were(pairs: None, capsys: pytest.CaptureFixture[str]):
    assert not set(written(None)) & set(measures())
    assert capsys.readouterr().err.rstrip().endswith("nDCG@10 1.0000")


def test_nothing_to_measure_is_reported():
    figures = {
        "answerable_auc": None,
        "answerable_auc_low": None,
        "answerable_auc_high": None,
        "units": 0,
    }
    assert describe_measure("no-answer", figures) == ", answerable_auc: nothing to measure"
