"""`hone plan` on a fresh clone: what is unknown is not shown as a number, and reading the
collections makes it known.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from hone.files import read_json
from tests.loop.project import SMALL, Project

pytestmark = pytest.mark.loop
PLAN = [sys.executable, "-m", "commands", "plan", "--no-probe"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A fresh clone: nothing has run."""
    folder = tmp_path_factory.mktemp("fresh")
    return Project.made(folder / "project", folder / "home")


def plan(project: Project, *words: str) -> str:
    """What the command prints without a terminal."""
    done = subprocess.run(
        [*PLAN, *words],
        check=False,
        cwd=project.folder,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def plan_in_terminal(project: Project, answer: str) -> str:
    """What the command prints in a terminal whose user types an answer."""
    parent, child = pty.openpty()
    with subprocess.Popen(
        PLAN,
        cwd=project.folder,
        env=project.environment | {"TERM": "dumb", "COLUMNS": "400"},
        stdin=child,
        stdout=child,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(child)
        os.write(parent, answer.encode())
        shown = b""
        while part := read(parent):
            shown += part
        assert process.wait() == 0
    os.close(parent)
    return shown.decode()


def read(terminal: int) -> bytes:
    """The next output of a terminal. Empty at its end."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux: the other side is closed
        return b""


def test_a_fresh_clone_has_no_sizes_until_the_collections_are_read(project: Project):
    before = plan(project)
    assert "Collection 'python-api' has not been read yet, so its size is unknown." in before
    assert "Run `hone plan --collect`" in before
    assert "disk: unknown" in before
    assert not any(nothing in before for nothing in (" 0 pairs", "0 B", "Read now?"))

    unknown = json.loads(plan(project, "--json"))  # nothing else is on standard output
    assert unknown["collections_not_read"] == ["python-api"]
    assert (unknown["models"], unknown["disk_bytes"], unknown["seconds"]) == ([], None, None)
    assert "train@r1" in unknown["stages"]

    declined = plan_in_terminal(project, "n\n")
    assert "Read now? [Y/n]" in declined
    assert "disk: unknown" in declined
    assert not Path(project.folder, "data").exists()

    after = plan(project, "--collect")
    about = read_json(project.folder / "data/python-api/about.json")
    assert "unknown" not in after
    row = next(line.split() for line in after.splitlines() if line.startswith("r1 "))
    assert row[2] == str(about["train"]["queries"])
    assert "disk: about" in after
    known = json.loads(plan(project, "--json"))
    assert known["collections_not_read"] == []
    [r1] = [one for one in known["models"] if one["model"] == "r1"]
    assert r1["training_queries"] == about["train"]["queries"]
    assert r1["steps"] == 3
    assert known["disk_bytes"]["checkout"] > 0
    assert "Read now?" not in plan_in_terminal(project, "")


def test_a_collection_that_cannot_be_read_ends_with_its_errors(project: Project):
    folder = project.folder / "inputs/broken"
    folder.mkdir(parents=True)
    (folder / "documents.csv").write_text("doc_id,text\nd1,one\nd1,two\n")
    (folder / "queries.csv").write_text("query_id,text,split\nq1,what,train\n")
    (folder / "qrels.csv").write_text("query_id,doc_id,relevance\nq1,d1,1\n")
    collections = {"ours": {"source": "folder", "path": "inputs/broken"}}
    own = {"collections": collections, "train_on": ["ours"], "evaluate_on": ["ours"]}
    project.settings(SMALL | own)
    done = subprocess.run(
        [*PLAN, "--collect"],
        check=False,
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "The collections could not be read" in done.stderr
    assert "the document id is duplicated" in done.stderr
