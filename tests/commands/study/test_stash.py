"""A kill while DVC works in the folder itself loses nothing of the user's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.study import stash as workspace
from hone.files import read_json, write_json


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


@pytest.fixture(autouse=True)
def _let_go() -> Iterator[None]:
    yield
    workspace.release()


def aside() -> dict[str, str]:
    return {file.name: file.read_text() for file in workspace.ASIDE.glob("*/*")}


def killed(script: str) -> None:
    """Run a script that ends by SIGKILL."""
    words = [sys.executable, "-c", f"import os\nfrom commands.study import stash as workspace\n{script}\nos.kill(os.getpid(), 9)"]
    environment = os.environ | {"PYTHONPATH": str(Path(workspace.__file__).parents[2])}
    assert subprocess.run(words, check=False, env=environment).returncode == -9


def test_what_dvc_left_is_put_back_and_kept_aside():
    workspace.keep()
    dvc_works()
    said = " ".join(workspace.restore())
    assert "back on the branch ours" in said
    assert "put back after DVC was ended in this folder: params.yaml, new.yaml, recipe.yaml." in said
    assert as_before()
    assert aside() == {"params.yaml": "seed: 1\n", "recipe.yaml": "about: as committed\n"}
    assert not workspace.MANIFEST.exists()


def test_also_by_the_next_command_where_this_one_was_killed():
    killed("workspace.keep()")
    dvc_works()
    assert workspace.restore()
    assert as_before()


def test_also_by_the_next_trial():
    killed("workspace.keep()")
    dvc_works()
    workspace.keep()
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


def test_what_was_changed_long_after_a_kill_stays_and_the_copy_lies_aside():
    killed("workspace.keep()")
    write_json(workspace.MANIFEST, read_json(workspace.MANIFEST) | {"at": 0.0})
    Path("params.yaml").write_text("seed: 7\n")
    (said,) = workspace.restore()
    assert "changed since DVC was ended in this folder, and left: params.yaml." in said
    assert Path("params.yaml").read_text() == "seed: 7\n"
    assert aside() == {"params.yaml": "seed: 13\n"}


def test_while_another_study_has_the_folder_nothing_is_touched():
    words = [sys.executable, "-c", "from commands.study import stash as workspace\nworkspace.keep()\nprint('kept', flush=True)\ninput()"]
    environment = os.environ | {"PYTHONPATH": str(Path(workspace.__file__).parents[2])}
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "kept\n"
        dvc_works()
        assert workspace.restore() == []
        assert Path("params.yaml").read_text() == "seed: 1\n"
        other.kill()
    assert workspace.restore()
    assert as_before()


def test_a_lock_of_git_is_told_and_the_files_are_back_all_the_same():
    workspace.keep()
    dvc_works()
    Path(".git/index.lock").touch()
    said = " ".join(workspace.restore())
    assert "git refused: git reset --quiet -- params.yaml" in said
    assert "remove .git/index.lock" in said
    assert Path("params.yaml").read_text() == "seed: 13\n"
    assert Path("recipe.yaml").read_text() == "about: mine, not committed\n"


def test_a_branch_may_be_called_anything():
    git("checkout", "--quiet", "-b", "fix-HEAD")
    workspace.keep()
    dvc_works()
    assert "back on the branch fix-HEAD" in workspace.restore()
    assert git("symbolic-ref", "HEAD") == "refs/heads/fix-HEAD"


@pytest.mark.parametrize(("line", "at_work"), [("Running stage 'train@r1':", True), ("Stage 'start' is cached", True), ("Queued", False)])
def test_the_line_by_which_dvc_is_done_with_the_folder(line: str, at_work: bool):
    assert bool(workspace.AT_WORK.match(line)) is at_work
