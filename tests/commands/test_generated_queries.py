"""Generated queries in `hone explain` and `hone export data`."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from commands import explain
from commands.export import examples_of, export, refuse_place
from commands.publish.cards import data_card
from hone.data import tables, training_set
from hone.errors import Refused
from tests.commands.generate.setting import asks, prepare, write_documents
from tests.commands.test_commands import write_round
from tests.hone.llm.answering import serving
from tests.stages import base, generate, start

ORIGIN = "questions question@1 made-up"


def read_lines(file: str) -> list[dict]:
    return [json.loads(line) for line in Path(file).read_text().splitlines()]


@pytest.fixture
def made(workspace: Path) -> pl.DataFrame:
    """The labels of a round whose queries are all generated."""
    write_documents()
    with serving(asks) as server:
        prepare(server, {"dev": 0})
        base()
        generate("ours")
    start()
    labels = tables.read("qrels", Path("generated/ours/qrels.parquet"))
    write_round(
        "r1",
        labels={
            "query_id": labels["query_id"].to_list(),
            "doc_id": labels["doc_id"].to_list(),
            "label": ["positive"] * len(labels),
            "judge": ["qrels"] * len(labels),
            "source": ["generated"] * len(labels),
        },
    )
    return labels


def test_the_life_of_a_generated_pair_begins_with_its_origin(made: pl.DataFrame):
    query_id, doc_id = made.select("query_id", "doc_id").row(0)
    trace = explain.trace_pair(query_id, doc_id, "r1")
    assert trace[3] == f"generate: the query was generated ({ORIGIN})"
    assert trace[4] == "generate: the pair was generated as a positive"
    other = next(one for one in made["doc_id"] if one != doc_id)
    assert "generated as" not in "\n".join(explain.trace_pair(query_id, other, "r1"))


def test_a_generated_document_is_named_as_such(workspace: Path):
    write_documents([{"doc_id": "a", "title": "Birds", "text": "They sing in the old tree."}])
    prepare(None, {"methods": ["titles"], "filters": [], "dev": 0})
    base()
    generate("ours")
    start()
    write_round("r1")
    (label,) = tables.read("qrels", Path("generated/ours/qrels.parquet")).to_dicts()
    trace = explain.trace_pair(label["query_id"], label["doc_id"], "r1")
    assert trace[1].endswith(": They sing in the old tree.")
    assert "generate: the document was generated (titles title)" in trace


@pytest.mark.parametrize("layout", ["flagembedding", "tevatron"])
def test_exported_queries_have_their_origin(
    made: pl.DataFrame, capsys: pytest.CaptureFixture, layout: str
):
    export("r1", layout, None)
    lines = read_lines(f"r1.{layout}.jsonl")
    assert len(lines) == 8
    assert {line["origin"] for line in lines} == {ORIGIN}
    assert "8 of the queries are generated. The key `origin` has their origin." in (
        capsys.readouterr().out
    )


def test_a_file_whose_columns_are_all_texts_has_its_origins_beside_it(
    made: pl.DataFrame, capsys: pytest.CaptureFixture
):
    export("r1", "sentence-transformers", None)
    lines = read_lines("r1.sentence-transformers.jsonl")
    assert all(line.keys() == {"anchor", "positive"} for line in lines)
    origins = read_lines("r1.sentence-transformers.origins.jsonl")
    assert [one["query"] for one in origins] == [line["anchor"] for line in lines]
    assert {one["origin"] for one in origins} == {ORIGIN}
    assert "r1.sentence-transformers.origins.jsonl has their origin" in capsys.readouterr().out


def test_generated_documents_are_exported_with_their_texts(workspace: Path):
    write_documents([{"doc_id": "a", "title": "Birds", "text": "They sing in the old tree."}])
    prepare(None, {"methods": ["titles"], "filters": [], "dev": 0})
    base()
    generate("ours")
    start()
    label = tables.read("qrels", Path("generated/ours/qrels.parquet")).to_dicts()[0]
    write_round(
        "r1",
        labels={
            "query_id": [label["query_id"]],
            "doc_id": [label["doc_id"]],
            "label": ["positive"],
        },
    )
    export("r1", "flagembedding", Path("out.jsonl"))
    (line,) = read_lines("out.jsonl")
    assert (line["query"], line["pos"]) == ("Birds", ["They sing in the old tree."])
    assert "1 of 1 documents that were generated for ours" in data_card(
        "r1", "flagembedding", "out.jsonl", None, examples_of("r1")
    )


def test_the_card_of_exported_data_counts_queries_by_origin(made: pl.DataFrame):
    card = data_card("r1", "tevatron", "x.jsonl", None, examples_of("r1"))
    assert "Written by a model or by a rule: 8 of 8 queries." in card
    assert "| origin |" in card
    assert "the source `generated`, which no person has checked" in card
    assert "| questions question\\@1 made-up | 8 |" in card


def test_labelled_queries_export_as_before(made: pl.DataFrame):
    examples = [
        {name: value for name, value in one.items() if name != "origin"}
        for one in examples_of("r1")
    ]
    assert "| origin |" not in data_card("r1", "tevatron", "x.jsonl", None, examples)


def test_no_model_is_copied_into_the_folder_of_generated_tables(workspace: Path):
    with pytest.raises(Refused, match="is below generated/"):
        refuse_place(Path("generated/mine"))


def test_training_reads_what_was_generated(made: pl.DataFrame):
    assert training_set.read().queries()["origin"].unique().to_list() == [ORIGIN]
