"""`hone search`: rankings as evaluation computes them, labels, default models, errors."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from commands.search.choice import choose_models
from commands.search.command import search
from commands.search.labels import KnownQueries, Label
from hone.config import params
from hone.data import tables
from hone.data.tables import Documents
from hone.encoders.encoder import encoder_for
from hone.errors import Refused
from hone.files import write_json
from hone.ir.ranking import by_encoder
from hone.layout import collection_table, metrics_file
from tasks.evaluate.settings import EvaluateSettings
from tests.commands.search.searched import searched

MACHINE = {"device": "cpu", "batch_tokens": None}


def found(capsys: pytest.CaptureFixture, query: str, **more: object) -> dict:
    capsys.readouterr()
    search(query, as_json=True, **more)
    return json.loads(capsys.readouterr().out)


def test_the_ranking_is_that_of_evaluation(workspace: Path, capsys: pytest.CaptureFixture):
    searched()
    shown = found(capsys, "q2", models="r0,r2", top=5)
    queries = tables.read("queries", collection_table("ours", "queries", "test"))
    qrels = tables.read("qrels", collection_table("ours", "qrels", "test"))
    documents = Documents(collection_table("ours", "documents"))
    settings = EvaluateSettings.read(collection="ours").model
    for name in ("r0", "r2"):
        encoder = encoder_for(Path("models") / name, settings, MACHINE)
        rows = by_encoder(encoder, queries, documents, qrels).filter(pl.col("query_id") == "q2")
        assert [hit["doc_id"] for hit in shown["results"][name]] == rows["doc_id"][:5].to_list()
        assert [hit["score"] for hit in shown["results"][name]] == pytest.approx(
            rows["score"][:5].to_list(), abs=1e-6
        )


def test_an_id_a_text_and_the_same_text_written_otherwise_have_the_labels(
    workspace: Path, capsys: pytest.CaptureFixture
):
    searched()
    results = [
        found(capsys, given, models="r0", top=16)
        for given in ("q2", "Green small dog?", "green  SMALL dog")
    ]
    assert [one["query_id"] for one in results] == ["q2"] * 3
    for one in results:
        assert {hit["doc_id"]: hit["grade"] for hit in one["results"]["r0"] if hit["grade"]} == {
            "d5": 1
        }
    assert found(capsys, "hot water", models="r0")["query_id"] is None


def test_held_out_positives_are_marked(workspace: Path):
    searched()
    labels = KnownQueries.read("ours").find("q1").labels
    assert sorted(labels.values(), key=lambda label: label.held_out) == [
        Label(1),
        Label(1, held_out=True),
    ]


def test_documents_are_encoded_once_and_a_free_query_is_not_stored(
    workspace: Path, hone_home: Path, capsys: pytest.CaptureFixture
):
    searched()
    search("hot water", models="r0,r1")
    first = capsys.readouterr().err
    assert "r0: 16 texts of ours to encode" in first
    assert "r1: 16 texts of ours to encode" in first
    shards = sorted(hone_home.rglob("*.safetensors"))
    search("sour fire", models="r0,r1")
    assert "to encode" not in capsys.readouterr().err
    assert sorted(hone_home.rglob("*.safetensors")) == shards


def test_before_any_training_r0_is_searched_alone(workspace: Path, capsys: pytest.CaptureFixture):
    searched(rounds=())
    assert found(capsys, "hot water")["models"] == ["r0"]


def test_the_default_is_the_best_round_on_dev_or_else_the_last(workspace: Path):
    searched()
    given = params.read()
    assert choose_models(given, None, "ours") == ["r0", "r2"]
    for name, value in (("r1", 0.6), ("r2", 0.5)):
        write_json(metrics_file(name, "ours"), {"ndcg_at_10": 0.9, "dev": {"ndcg_at_10": value}})
    assert choose_models(given, None, "ours") == ["r0", "r1"]


def test_chunks_are_shown_as_their_parents(workspace: Path, capsys: pytest.CaptureFixture):
    chunks = [
        {"doc_id": f"c{number}", "text": f"{word} stone", "parent_id": f"d{number // 2}"}
        for number, word in enumerate(
            "red green blue round square big small cat dog bird tree hot".split()
        )
    ]
    searched(documents=chunks)
    hits = found(capsys, "q3", models="r0", top=10)["results"]["r0"]
    assert sorted(hit["doc_id"] for hit in hits) == [f"d{number}" for number in range(6)]
    assert {hit["doc_id"]: hit["text"] for hit in hits}["d1"] == "blue stone"


def test_the_table_shows_moves_labels_and_no_control_character(
    workspace: Path, capsys: pytest.CaptureFixture
):
    documents = [
        {"doc_id": f"d{number}", "text": f"red \x1b]0;owned\x07 \u202e stone {number}"}
        for number in range(6)
    ]
    searched(documents=documents)
    capsys.readouterr()
    search("q2", models="r0,r1", top=6)
    out = capsys.readouterr().out
    assert "relevant (1)" in out
    assert "r0: " not in out  # all relevant documents are shown
    assert not {"\x1b", "\x07", "\u202e"} & set(out)
    assert all(len(one) <= 120 for one in out.splitlines()[2:-2])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"query": " "}, "The query is empty"),
        ({"query": "x", "models": "r0,r9"}, "'r9', which is not a round"),
        ({"query": "x", "models": "r0,r3"}, "r3, but models/r3 does not exist yet"),
        ({"query": "x", "models": "r0,r1,r2"}, "Name one or two different rounds"),
        ({"query": "x", "models": "r0,r0"}, "Name one or two different rounds"),
        ({"query": "x", "collection": "our"}, "did you mean 'ours'"),
        ({"query": "x", "port": 9}, "--port has an effect with --page only"),
        ({"query": "", "page": True, "as_json": True}, "Omit one of them"),
    ],
    ids=str,
)
def test_what_cannot_be_searched_is_refused(workspace: Path, arguments: dict, reason: str):
    searched()
    with pytest.raises(Refused, match=reason):
        search(**arguments)


def test_a_collection_that_is_not_collected_names_the_stage(workspace: Path):
    searched()
    collection_table("ours", "documents").unlink()
    with pytest.raises(Refused, match="dvc repro collect@ours"):
        search("x")
