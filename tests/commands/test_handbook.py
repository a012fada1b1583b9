"""The example data of the tutorial: every question has its answer in the folder."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent.parent / "inputs/examples/handbook.py"


def run(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], check=False, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("inputs") / "handbook"
    assert run(made).returncode == 0
    return made


def read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def test_every_question_is_unique_and_labelled_with_a_heading_that_exists(folder: Path):
    queries, labels = read(folder / "queries.csv"), read(folder / "qrels.csv")
    assert len(queries) >= 300
    assert len({row["text"].lower() for row in queries}) == len(queries)
    assert [row["query_id"] for row in labels] == [row["query_id"] for row in queries]
    pages = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.md")}
    for row in labels:
        name, _, heading = row["doc_id"].partition("#")
        assert f"\n## {heading}\n" in pages[name]


def test_no_answer_contains_its_question(folder: Path):
    queries = {row["query_id"]: row["text"] for row in read(folder / "queries.csv")}
    pages = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.md")}
    contained = 0
    for row in read(folder / "qrels.csv"):
        name, _, heading = row["doc_id"].partition("#")
        answer = pages[name].partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        contained += queries[row["query_id"]] in " ".join(answer.split())
    assert contained <= 0.01 * len(queries)


def test_a_folder_that_exists_is_not_changed(folder: Path):
    before = (folder / "queries.csv").read_bytes()
    assert run(folder).returncode != 0
    assert (folder / "queries.csv").read_bytes() == before
