"""What git does not know is missing in the copies that a study works in: it is refused, with what keeps it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from commands.study.run_trial import refuse_left_out
from hone.errors import Refused
from tests.prepared import PROJECT


@pytest.fixture
def repository(workspace: Path) -> Path:
    shutil.copy(PROJECT / ".gitignore", ".gitignore")
    Path("params.yaml").write_text("seed: 1\n")
    for command in (["init", "--quiet"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "first"]):
        subprocess.run(["git", *command], check=True)
    return workspace


def put(*files: str) -> None:
    for name in files:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("")


def test_a_new_recipe_is_to_be_added(repository: Path):
    put("recipes/mine.yaml", "inputs/methods/mine.py")
    with pytest.raises(Refused, match=r"does not know 'inputs/methods/mine.py', 'recipes/mine.yaml'.*: `git add` them\.$"):
        refuse_left_out()
    subprocess.run(["git", "add", "."], check=True)
    refuse_left_out()


def test_texts_that_git_ignores_are_for_dvc(repository: Path):
    """`git add` would refuse them, or commit private texts."""
    put("inputs/ours/documents.jsonl")
    with pytest.raises(Refused, match=r"does not know 'inputs/ours/documents.jsonl'.*: `dvc add` texts and models below inputs/"):
        refuse_left_out()
    put("inputs/ours.dvc")
    subprocess.run(["git", "add", "."], check=True)
    refuse_left_out()
