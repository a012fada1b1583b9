"""A kill while DVC works in the folder itself loses nothing of the user's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hone.study import workspace
from tasks.files import read_json, write_json


def git(*words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(["git", *identity, *words], check=True, capture_output=True, text=True).stdout.rstrip()


@pytest.fixture(autouse=True)
def _here(workspace: Path) -> None:
    git("init", "--quiet", "--initial-branch", "ours")
    Path(".gitignore").write_text(".dvc/tmp\n")
    Path("params.yaml").write_text("seed: 13\n")
    Path("recipe.yaml").write_text("about: as committed\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    Path("recipe.yaml").write_text("about: mine, not committed\n")
    Path("new.yaml").write_text("about: new\n")
    git("add", "new.yaml")


def dvc_works() -> None:
    """What DVC does to the folder before it is killed."""
    git("checkout", "--quiet", "--detach")
    git("reset", "--quiet", "--hard")
    Path("params.yaml").write_text("seed: 1\n")
    git("add", "params.yaml")


def as_before() -> bool:
    there = {name: Path(name).read_text() for name in ("params.yaml", "recipe.yaml", "new.yaml")}
    wanted = {"params.yaml": "seed: 13\n", "recipe.yaml": "about: mine, not committed\n", "new.yaml": "about: new\n"}
    known = git("status", "--porcelain").splitlines() == ["A  new.yaml", " M recipe.yaml"]
    return there == wanted and known and git("symbolic-ref", "HEAD") == "refs/heads/ours"


def test_what_dvc_left_is_put_back():
    workspace.keep()
    dvc_works()
    assert workspace.restore() == ["params.yaml", "new.yaml", "recipe.yaml", "the branch ours"]
    assert as_before()
    assert not list(workspace.PLACE.iterdir())


def test_also_by_the_next_command_where_this_one_was_killed():
    script = "import os\nfrom hone.study import workspace\nworkspace.keep()\nos.kill(os.getpid(), 9)"
    environment = os.environ | {"PYTHONPATH": str(Path(workspace.__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", script], check=False, env=environment).returncode == -9
    dvc_works()
    assert workspace.restore()
    assert as_before()


def test_what_is_as_it_was_is_left_alone():
    workspace.keep()
    before = Path("params.yaml").stat().st_mtime_ns
    assert workspace.restore() == []
    assert Path("params.yaml").stat().st_mtime_ns == before
    assert as_before()


def test_once_stages_run_the_users_changes_are_the_users():
    workspace.keep()
    workspace.release()
    Path("params.yaml").write_text("seed: 7\n")
    assert workspace.restore() == []
    assert Path("params.yaml").read_text() == "seed: 7\n"


def test_what_the_user_changed_long_after_a_kill_stays():
    workspace.keep()
    manifest = workspace.own() / workspace.MANIFEST
    write_json(manifest, read_json(manifest) | {"at": 0.0})
    Path("params.yaml").write_text("seed: 7\n")
    assert workspace.restore() == []
    assert Path("params.yaml").read_text() == "seed: 7\n"


def test_copies_of_a_process_that_lives_are_its_own():
    workspace.keep()
    other = workspace.PLACE / str(os.getppid())
    workspace.own().rename(other)
    Path("params.yaml").write_text("seed: 1\n")
    assert workspace.restore() == []
    assert (other / workspace.MANIFEST).exists()


@pytest.mark.parametrize(("line", "at_work"), [("Running stage 'train@r1':", True), ("Stage 'start' is cached", True), ("Queued", False)])
def test_the_line_by_which_dvc_is_done_with_the_folder(line: str, at_work: bool):
    assert bool(workspace.AT_WORK.match(line)) is at_work
