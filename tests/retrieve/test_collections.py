"""Sources that go by something that one of two training collections has and the other lacks."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import yaml

from hone.data import tables
from hone.errors import Refused
from tests.prepared import pairs, prepare, write_rows
from tests.stages import resolve, retrieve
from tests.tiny_model import tiny_model

MODEL = {"name": "inputs/tiny", "max_length": 16, "precision": "fp32"}
WITH = {"a": "red cat 5", "b": "hot fire 5", "c": "cold stone"}
WITHOUT = {"a": "red cat", "b": "hot fire", "c": "cold stone"}
EDGES = "doc_id,neighbour_id\na,b\n"
SOURCES = {
    "attribute": {"attribute": {"order": "random", "common": 1.0}},
    "siblings": {"siblings": {"column": "kind", "order": "random"}},
    "neighbour-bands": {
        "neighbour-bands": {"column": "near", "first": 1, "last": 2, "counted": "ranks"}
    },
    "run": {"run": {"file": "inputs/found.trec"}},
}


def found(source: object, **texts: dict[str, str]) -> pl.DataFrame:
    """Candidates in the collections, each with the texts given; metadata, numbers and queries of
    the run are those of texts with a 5.
    """
    for name, documents in texts.items():
        bare = documents is WITHOUT
        more = [
            {} if bare else {"kind": "k", "near": "b" if doc == "a" else "a"} for doc in documents
        ]
        rows = [
            {"doc_id": doc, "text": text} | extra
            for (doc, text), extra in zip(documents.items(), more, strict=True)
        ]
        query = "bare" if bare else "q"
        query_rows = [
            {"query_id": query, "text": f"red {name}", "split": "train"},
            {"query_id": "t", "text": f"hot {name}", "split": "test"},
        ]
        write_rows(Path("inputs") / name, rows, query_rows, pairs((query, "a"), ("t", "b")))
    Path("inputs/found.trec").write_text("q Q0 b 1 2.0 made-up\n")
    tiny_model(Path("inputs/tiny"))
    Path("recipes").mkdir()
    Path("recipes/tried.yaml").write_text(yaml.safe_dump({"about": "a test", "retrieve": [source]}))
    collections = {name: {"source": "folder", "path": f"inputs/{name}"} for name in texts}
    both = {"collections": collections, "train_on": list(texts), "evaluate_on": [next(iter(texts))]}
    prepare(model=MODEL, rounds={"r1": {"from": "r0", "recipe": "tried"}}, **both)
    retrieve("r1")
    return tables.read("candidates", Path("rounds/r1/candidates.parquet"))


@pytest.mark.parametrize("source", SOURCES)
def test_a_collection_that_lacks_it_is_named_and_the_other_goes_on(
    workspace: Path, capsys: pytest.CaptureFixture, source: str
):
    made = found(SOURCES[source], one=WITH, other=WITHOUT)
    assert ("one/q", "one/b") in made.select("query_id", "doc_id").rows()
    assert made["query_id"].unique().to_list() == ["one/q"]
    assert (
        "finds nothing in one collection and continues with the others. other: "
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("source", SOURCES)
def test_where_every_collection_lacks_it_nothing_is_mined(workspace: Path, source: str):
    with pytest.raises(Refused):
        found(SOURCES[source], one=WITHOUT, other=WITHOUT)


def test_a_fused_source_goes_on_by_the_others_that_it_holds(workspace: Path):
    made = found({"fused": {"of": ["bm25", SOURCES["attribute"]]}}, one=WITH, other=WITHOUT)
    assert set(made["query_id"]) == {"one/q", "other/bare"}


@pytest.mark.parametrize("source", ["run", "neighbour-bands"])
def test_a_file_whose_ids_two_collections_have_wants_a_word(workspace: Path, source: str):
    Path("inputs").mkdir()
    Path("inputs/edges.csv").write_text(EDGES)
    graph = {"file": "inputs/edges.csv", "first": 1, "last": 2, "counted": "ranks"}
    line = {"run": {"file": "inputs/found.trec"}, "neighbour-bands": graph}[source]
    both = "the query 'q'" if source == "run" else "the document 'a'"
    with pytest.raises(
        Refused, match=f"names {both}, which exists in both collections 'one', 'other'"
    ):
        found({source: line}, one=WITH, other=dict(WITH))
    Path("recipes/tried.yaml").write_text(
        yaml.safe_dump({"about": "a test", "retrieve": [{source: line | {"ids_of": "other"}}]})
    )
    resolve()
    retrieve("r1")
    made = tables.read("candidates", Path("rounds/r1/candidates.parquet"))
    assert made.select("query_id", "doc_id").rows() == [("other/q", "other/b")]
