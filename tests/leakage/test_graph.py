"""The rule in DVC's graph: it stops the loop before a round mines, and a changed test label
trains nothing again.
"""

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
# All that stands between the rule and training. What `train` reads besides the models is what these
# leave.
ROUND = ("retrieve@r1", "rank@r1", "score@r1", "sample@r1", "relabel@r1")
LAST = ROUND[-1]
READ_BY_TRAIN = (
    "rounds/r0/training.json",
    "rounds/r1/labels.parquet",
    "models/r0/model.safetensors",
)
TRAIN = {
    "q0": "sort the list",
    "q1": "join two tables",
    "q2": "plot a curve",
    "q3": "solve some equation",
}


def write(folder: Path, test: str, answer: str) -> None:
    """Four training queries, and a test query with its answer."""
    queries = [{"query_id": name, "text": text, "split": "train"} for name, text in TRAIN.items()]
    queries += [
        {"query_id": "t", "text": test, "split": "test"},
        {"query_id": "v", "text": "who is to tune it", "split": "dev"},
    ]
    # No document changes with the test query: all texts are trained on, as negatives at least.
    documents = [
        {"doc_id": f"d-{name}", "text": f"this tells how to {text}"}
        for name, text in (TRAIN | {"t": "rest", "v": "tune"}).items()
    ]
    labels = pairs(
        *((row["query_id"], f"d-{row['query_id']}") for row in queries if row["query_id"] != "t"),
        ("t", answer),
    )
    write_rows(folder / "inputs/ours", documents, queries, labels)


def read(project: Project) -> list[bytes]:
    """The rule's file and all that training reads."""
    return [
        (project.folder / name).read_bytes() for name in ("rounds/admitted.json", *READ_BY_TRAIN)
    ]


def test_a_test_label_trains_nothing_again_and_a_leak_mines_nothing(tmp_path: Path, forks: Path):
    project = Project.made(tmp_path / "project", tmp_path / "home", SETTINGS, forks)
    write(project.folder, "where does the river end", "d-t")
    first = project.repro(LAST)
    assert first.ran.index("admit") < first.ran.index("retrieve@r1")
    before = read(project)

    write(project.folder, "where does the river end", "d-q0")
    relabelled = project.repro(LAST)
    assert {"collect@ours", "leakage@ours"} <= set(relabelled.ran)
    assert not set(ROUND) & {*relabelled.ran, *relabelled.restored}
    assert read(project) == before

    write(project.folder, "sort the lists", "d-t")
    refused = project.repro(LAST, fails=True)
    assert "ours: training data contains 1 of 1 test query (100.0 %)" in refused.output
    assert "('sort the list')" in refused.output
    assert "Traceback" not in refused.output
    assert "leakage@ours" in refused.ran
    assert not set(ROUND) & {*refused.ran, *refused.restored}

    project.settings(SETTINGS | {"leakage": {"refuse_above": None}})
    allowed = project.repro(LAST)
    assert "admit" in {*allowed.ran, *allowed.restored}
    assert not set(ROUND) & {*allowed.ran, *allowed.restored}
    assert read(project) == before
