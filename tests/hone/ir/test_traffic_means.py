"""Means weighted by traffic: in the measures, and in the files of an evaluation."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.data import tables
from hone.data.traffic import weights_of
from hone.files import read_json
from hone.ir.measures import NAMES, means, weighted_means
from hone.ir.results import evaluate


def values(*scores: float) -> pl.DataFrame:
    ids = [f"q{number}" for number in range(len(scores))]
    return pl.DataFrame({"query_id": ids} | {name: list(scores) for name in NAMES})


def test_weighted_means_worked_by_hand():
    """(3 * 1 + 1 * 0.5 + 0 * 0) / 4"""
    found = weighted_means(values(1.0, 0.5, 0.0), pl.Series([3.0, 1.0, 0.0]))
    assert found == {f"weighted_{name}": pytest.approx(0.875) for name in NAMES}


@given(scores=st.lists(st.floats(0, 1), min_size=1, max_size=20), weight=st.floats(0.1, 1_000))
def test_equal_weights_give_the_plain_mean(scores: list[float], weight: float):
    found = weighted_means(values(*scores), pl.Series([weight] * len(scores)))
    plain = means(values(*scores))
    assert found == {f"weighted_{name}": pytest.approx(plain[name]) for name in NAMES}


def test_unknown_traffic_counts_as_none():
    traffic = pl.DataFrame({"query_id": ["q1", "other"], "searches": [5, 9]})
    assert weights_of(pl.Series(["q0", "q1"]), traffic).to_list() == [0.0, 5.0]
    assert weights_of(pl.Series(["q0"]), traffic) is None


def write_collection() -> None:
    """Two test queries, of which the ranking answers the first."""
    place = Path("data/ours")
    documents = pl.DataFrame({"doc_id": ["a", "b"], "text": ["one", "two"]})
    tables.write("documents", tables.shaped("documents", documents), place / "documents.parquet")
    for split, ids in (("test", ["x", "y"]), ("dev", ["z"])):
        queries = pl.DataFrame({"query_id": ids, "text": ids})
        qrels = pl.DataFrame({"query_id": ids, "doc_id": "a", "relevance": 1})
        tables.write(
            "queries", tables.shaped("queries", queries), place / split / "queries.parquet"
        )
        tables.write("qrels", tables.shaped("qrels", qrels), place / split / "qrels.parquet")


def rank(queries: pl.DataFrame, *_: object) -> pl.DataFrame:
    """Document a for the query x, and b for the others."""
    found = pl.when(pl.col("query_id") == "x").then(pl.lit("a")).otherwise(pl.lit("b"))
    return queries.select("query_id", doc_id=found, score=pl.lit(1.0, dtype=pl.Float32))


def test_an_evaluation_has_both_means_if_the_traffic_is_known(
    workspace: Path, capsys: pytest.CaptureFixture[str]
):
    write_collection()
    evaluate("bm25", "ours", rank, 1)
    plain = read_json(Path("reports/metrics/bm25/ours.json"))
    assert not [name for name in plain if name.startswith("weighted_")]
    assert "weighted" not in capsys.readouterr().err
    traffic = pl.DataFrame({"query_id": ["x", "y"], "searches": [3, 1]})
    tables.write("traffic", traffic, Path("data/ours/test/traffic.parquet"))
    evaluate("bm25", "ours", rank, 1)
    found = read_json(Path("reports/metrics/bm25/ours.json"))
    assert (found["ndcg_at_10"], found["weighted_ndcg_at_10"]) == (0.5, 0.75)
    assert not [name for name in found["dev"] if name.startswith("weighted_")]
    assert "nDCG@10 0.5000, weighted by traffic 0.7500" in capsys.readouterr().err
