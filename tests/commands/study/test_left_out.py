"""Untracked code and recipes are missing in a trial's worktree: they are refused, with the
command that adds them.
"""

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
    for command in (
        ["init", "--quiet"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "first"],
    ):
        subprocess.run(["git", *command], check=True)
    return workspace


def put(*files: str) -> None:
    for name in files:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("")


def test_a_new_recipe_is_to_be_added(repository: Path):
    put("recipes/mine.yaml", "hone/mine.py")
    with pytest.raises(
        Refused,
        match=r"does not track 'hone/mine.py', 'recipes/mine.yaml'.*`git add hone/mine.py "
        r"recipes/mine.yaml`",
    ):
        refuse_left_out()
    subprocess.run(["git", "add", "recipes", "hone"], check=True)
    refuse_left_out()


def test_no_file_of_inputs_must_be_added(repository: Path):
    """A trial has the user's inputs/: texts that git ignores, and methods that git does not
    track.
    """
    put("inputs/ours/documents.jsonl", "inputs/methods/mine.py", "hone/__pycache__/old.pyc")
    refuse_left_out()


def test_a_project_without_a_commit(workspace: Path):
    """`git add .` is never advised: it could commit private texts."""
    subprocess.run(["git", "init", "--quiet"], check=True)
    with pytest.raises(Refused, match="has no commit yet.*Commit the project first") as refusal:
        refuse_left_out()
    assert "git add ." not in str(refusal.value)
