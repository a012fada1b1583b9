"""The stage on collections that were really collected: all that is trained on counts, of
whichever collection.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hone.errors import Refused
from hone.files import read_json
from hone.layout import LEAKAGE
from hone.stage import call
from tasks.leakage import gate
from tasks.report.leakage import read_leakage
from tests.prepared import pairs, prepare, write_rows
from tests.stages import leakage

OURS = {"q1": "how are lists sorted in place", "q2": "what is a heap"}


def collection(
    name: str, train: dict[str, str], test: dict[str, str], chunks: bool = False
) -> None:
    """Each query is answered by a document of its own; `t1` by the parent of chunks where these
    are wanted.
    """
    queries = [
        {"query_id": one, "text": text, "split": split}
        for split, part in (("train", train), ("test", test))
        for one, text in part.items()
    ]
    documents = [
        {"doc_id": f"d-{row['query_id']}", "text": f"{name} tells of {row['text']}"}
        for row in queries
    ]
    labels = pairs(*((row["query_id"], f"d-{row['query_id']}") for row in queries))
    if chunks:
        documents = [row for row in documents if row["doc_id"] != "d-t1"]
        documents += [
            {"doc_id": f"part{number}", "text": f"part {number}", "parent_id": "d-t1"}
            for number in range(2)
        ]
    write_rows(Path("inputs") / name, documents, queries, labels)


def prepared(**sections: object) -> dict[str, dict]:
    """Accounts of both collections."""
    collections = {
        name: {"source": "folder", "path": f"inputs/{name}"} for name in ("ours", "theirs")
    }
    prepare(collections=collections, evaluate_on=["ours", "theirs"], **sections)
    for name in collections:
        leakage(name)
    return {name: read_json(LEAKAGE / f"{name}.json") for name in collections}


def test_a_collection_that_is_not_trained_on_is_compared_with_the_training_of_another(
    workspace: Path, capsys: pytest.CaptureFixture
):
    collection("ours", OURS, {"t1": "an unlike question"}, chunks=True)
    collection(
        "theirs",
        {"q9": "who paints roses"},
        {
            "t1": "how are lists sorted in place?",
            "t2": "what is a heap sort",
            "t3": "who paints roses red",
        },
    )
    found = prepared(train_on=["ours"])
    assert found["ours"]["splits"]["test"]["leaked"] == 0
    assert found["ours"]["shared_answers"]["asked_of"] == 1  # by its chunks
    assert found["theirs"]["splits"]["test"] == {
        "queries": 3,
        "compared": 3,
        "same": 1,
        "near": 0,
        "leaked": 1,
        "share": 1 / 3,
    }
    assert found["theirs"]["take_out"] == {"ours": ["q1"]}
    assert (
        "leakage on theirs: training data contains 1 of 3 test queries (33.3 %), verbatim or "
        "nearly." in capsys.readouterr().err
    )
    with pytest.raises(
        Refused, match="theirs: training data contains 1 of 3 test queries"
    ) as refusal:
        call(gate.main)
    texts = ("how are lists sorted in place", "how are lists sorted in place?")
    assert all(
        repr(text) in str(refusal.value) for text in texts
    )  # from data/, for git keeps the file
    assert "lists sorted" not in (LEAKAGE / "theirs.json").read_text()
    [example] = read_leakage(["theirs"])[0]["examples"]
    assert (example["training"], example["asked"]) == texts


def test_a_positive_that_leaks_is_shown_with_its_text(workspace: Path):
    collection("ours", OURS, {"t1": "an unlike question"})
    collection("theirs", {"q9": "who paints roses"}, {"t1": "ours tells of what is a heap"})
    found = prepared(train_on=["ours", "theirs"])
    assert [(one["kind"], one["training_id"]) for one in found["theirs"]["examples"]] == [
        ("positive", "d-q2")
    ]
    [example] = read_leakage(["theirs"])[0]["examples"]
    assert example["training"] == example["asked"] == "ours tells of what is a heap"


def test_what_to_take_out_has_the_ids_of_its_source_where_several_are_trained_on(workspace: Path):
    collection("ours", OURS, {"t1": "an unlike question"})
    collection("theirs", {"q9": "who paints roses"}, {"t1": "what is a heap?"})
    found = prepared(train_on=["ours", "theirs"], leakage={"refuse_above": None})
    assert found["theirs"]["train_on"] == ["ours", "theirs"]
    assert found["theirs"]["take_out"] == {"ours": ["q2"]}
    assert [(one["collection"], one["training_id"]) for one in found["theirs"]["examples"]] == [
        ("ours", "q2")
    ]
    call(gate.main)
    assert json.loads(gate.ADMITTED.read_text()) == {"leakage": "admitted"}


def test_training_queries_that_were_left_out_do_not_leak(workspace: Path):
    collection("ours", OURS, {"t1": "an unlike question"})
    collection("theirs", {"q9": "who paints roses"}, {"t1": OURS["q1"], "t2": OURS["q2"]})
    collections = {
        "ours": {"source": "folder", "path": "inputs/ours", "train_queries": 1},
        "theirs": {"source": "folder", "path": "inputs/theirs"},
    }
    prepare(collections=collections, evaluate_on=["theirs"], train_on=["ours"])
    leakage("theirs")
    assert read_json(LEAKAGE / "theirs.json")["splits"]["test"]["leaked"] == 1


def test_a_share_that_is_none_is_refused_by_name(workspace: Path):
    collection("ours", OURS, {"t1": "an unlike question"})
    with pytest.raises(Refused, match=r"leakage\.refuse_above' is 5"):
        prepare(leakage={"refuse_above": 5})
    with pytest.raises(Refused, match="did you mean 'refuse_above'"):
        prepare(leakage={"refuse_over": 0.5})


def test_what_could_not_be_evaluated_is_refused_before_any_round_mines(workspace: Path):
    for name in ("ours", "theirs"):
        collection(name, OURS, {"t1": "an unlike question"})
    labels = Path("inputs/theirs/qrels.jsonl")
    rows = [json.loads(line) for line in labels.read_text().splitlines()]
    labels.write_text(
        "".join(
            json.dumps(row | {"relevance": int(row["query_id"] != "t1")}) + "\n" for row in rows
        )
    )
    with pytest.raises(
        Refused,
        match="the test queries of theirs.* none of their 1 labels has relevance 1 or higher",
    ):
        prepared(train_on=["ours"])
    assert not Path("rounds/admitted.json").exists()
