"""The rule in DVC's graph: it stops the loop before a round mines, and a changed test label trains nothing again."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from tests.loop.project import SMALL, Project
from tests.prepared import pairs, write_rows

pytestmark = pytest.mark.loop

SETTINGS = copy.deepcopy(SMALL) | {
    "collections": {"ours": {"source": "folder", "path": "inputs/ours"}},
    "train_on": ["ours"],
    "evaluate_on": ["ours"],
    "train": {"batch": {"random": {"size": 4}}, "steps": 1},
    "rounds": {"r1": {"from": "r0", "recipe": "warm-up"}},
}
UNTIL = ("retrieve@r1", "rank@r1", "score@r1", "sample@r1", "relabel@r1", "train@r1")
TRAIN = {"q0": "sort the list", "q1": "join two tables", "q2": "plot a curve", "q3": "solve some equation"}


def write(folder: Path, test: str, answer: str) -> None:
    """Four training queries, and a test query with its answer."""
    queries = [{"query_id": name, "text": text, "split": "train"} for name, text in TRAIN.items()]
    queries += [{"query_id": "t", "text": test, "split": "test"}, {"query_id": "v", "text": "who is to tune it", "split": "dev"}]
    documents = [{"doc_id": f"d-{row['query_id']}", "text": f"this tells how to {row['text']}"} for row in queries]
    labels = pairs(*((row["query_id"], f"d-{row['query_id']}") for row in queries if row["query_id"] != "t"), ("t", answer))
    write_rows(folder / "inputs/ours", documents, queries, labels)


def test_a_test_label_trains_nothing_again_and_a_leak_mines_nothing(tmp_path: Path):
    project = Project.made(tmp_path / "project", tmp_path / "home", SETTINGS)
    write(project.folder, "where does the river end", "d-t")
    first = project.repro("train@r1")
    assert first.ran.index("admit") < first.ran.index("retrieve@r1")
    admitted = (project.folder / "rounds/admitted.json").read_text()

    write(project.folder, "where does the river end", "d-q0")
    relabelled = project.repro("train@r1")
    assert {"collect@ours", "leakage@ours"} <= set(relabelled.ran)
    assert not set(UNTIL) & {*relabelled.ran, *relabelled.restored}
    assert (project.folder / "rounds/admitted.json").read_text() == admitted

    write(project.folder, "sort the lists", "d-t")
    refused = project.repro("train@r1", fails=True)
    assert "ours: training sees 1 of 1 test query (100.0 %)" in refused.said
    assert "('sort the list')" in refused.said
    assert "Traceback" not in refused.said
    assert "leakage@ours" in refused.ran
    assert not set(UNTIL) & {*refused.ran, *refused.restored}

    project.settings(SETTINGS | {"leakage": {"refuse_above": None}})
    allowed = project.repro("train@r1")
    assert "admit" in {*allowed.ran, *allowed.restored}
    assert not set(UNTIL) & {*allowed.ran, *allowed.restored}  # training itself has not changed
