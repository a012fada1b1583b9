"""A trial's worktree, with real git and DVC: it has the user's changes, and the user's checkout
has nothing of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from commands.study import worktree
from commands.study.arms import Trial
from commands.study.worktree import Worktree, processes_in, remove_abandoned
from hone.config import params
from hone.errors import Refused
from tests.commands.study.trials import made

DVC = [sys.executable, "-m", "dvc"]
STAGES = {
    "stages": {
        "one": {
            "cmd": "cp inputs/ours/queries.jsonl out",
            "deps": ["inputs", "params.yaml"],
            "outs": ["out"],
        },
        "two": {
            "cmd": "cp inputs/ours/qrels.jsonl data",
            "deps": ["inputs/ours"],
            "outs": ["data"],
        },
    }
}


def git(*words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(
        ["git", *identity, *words], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(autouse=True)
def trial(workspace: Path) -> Trial:
    """The trial of a project with uncommitted changes of every kind."""
    git("init", "--quiet", "--initial-branch", "ours")
    subprocess.run([*DVC, "init", "--quiet"], check=True)
    trial = made()
    Path("dvc.yaml").write_text(yaml.safe_dump(STAGES))
    Path(".gitignore").write_text("/inputs/*\n/out\n/data\n")
    for name in ("changed", "removed"):
        Path(f"recipes/{name}.yaml").write_text("about: as committed\n")
    git("add", "--all")
    git("commit", "--quiet", "-m", "one")
    Path("recipes/changed.yaml").write_text("about: mine\n")
    Path("recipes/removed.yaml").unlink()
    Path("recipes/added.yaml").write_text("about: new\n")
    git("add", "recipes/added.yaml")
    Path("dvc.lock").write_text("the user's\n")
    return trial


def checkout() -> dict[str, object]:
    files = {
        str(file): file.read_bytes()
        for file in Path().rglob("*")
        if file.is_file() and file.parts[0] not in (".git", ".dvc")
    }
    words = (
        ["status", "--porcelain"],
        ["worktree", "list"],
        ["symbolic-ref", "HEAD"],
        ["for-each-ref"],
    )
    return files | {"git": [git(*one) for one in words], "dvc": Path(".dvc/config.local").exists()}


def killed(script: str) -> None:
    """Run a script that ends by SIGKILL."""
    lines = [
        "import os",
        "from commands.study.worktree import Worktree",
        "from tests.commands.study.trials import made",
        script,
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*lines, "os.kill(os.getpid(), 9)"])],
        check=False,
        env=environment(),
    )
    assert done.returncode == -9


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(worktree.__file__).parents[2])}


def test_a_worktree_has_the_users_uncommitted_changes(trial: Trial):
    with Worktree(trial.address).open(trial) as project:
        assert (project / "recipes/changed.yaml").read_text() == "about: mine\n"
        assert (project / "recipes/added.yaml").read_text() == "about: new\n"
        assert not (project / "recipes/removed.yaml").exists()
        assert (project / "recipes/ance.yaml").read_bytes() == Path(
            "recipes/ance.yaml"
        ).read_bytes()


def test_a_worktree_has_the_trials_settings_and_the_users_inputs(trial: Trial):
    with Worktree(trial.address).open(trial) as project:
        assert params.read(project / "params.yaml") == trial.params
        assert (project / "inputs/ours/queries.jsonl").read_bytes() == Path(
            "inputs/ours/queries.jsonl"
        ).read_bytes()
        assert not (project / "dvc.lock").exists()


def test_inputs_may_be_a_link_that_git_tracks(trial: Trial, tmp_path: Path):
    """Such as to a larger disk."""
    Path("inputs").rename(tmp_path / "disk")
    Path("inputs").symlink_to(tmp_path / "disk")
    git("add", "--force", "inputs")
    git("commit", "--quiet", "-m", "linked")
    with Worktree(trial.address).open(trial) as project:
        assert (project / "inputs/ours/queries.jsonl").is_file()
    assert (tmp_path / "disk/ours/queries.jsonl").is_file()


def test_the_users_checkout_stays_as_it_is_and_the_worktree_is_removed(trial: Trial):
    before = checkout()
    with Worktree(trial.address).open(trial) as project:
        subprocess.run([*DVC, "--cd", str(project), "repro", "--quiet"], check=True)
        assert (project / "out").exists()
    assert checkout() == before
    assert not project.exists()


def test_what_ran_in_one_worktree_comes_from_the_run_cache_in_the_next(trial: Trial):
    said = []
    for _ in range(2):
        with Worktree(trial.address).open(trial) as project:
            said.append(
                subprocess.run(
                    [*DVC, "--cd", str(project), "repro"],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
    assert "Running stage 'one'" in said[0]
    assert "Stage 'one' is cached - skipping run" in said[1]


def test_what_ran_in_the_checkout_comes_from_the_run_cache(trial: Trial):
    """DVC reads the linked inputs/ as it reads the user's."""
    Path("dvc.lock").unlink()
    subprocess.run([*DVC, "repro", "--quiet", "two"], check=True)
    with Worktree(trial.address).open(trial) as project:
        said = subprocess.run(
            [*DVC, "--cd", str(project), "repro"], check=True, capture_output=True, text=True
        ).stdout
    assert "Stage 'two' is cached - skipping run" in said
    assert "Running stage 'one'" in said  # it depends on params.yaml


def test_a_kill_leaves_nothing_in_the_checkout_and_the_next_run_begins_anew(trial: Trial):
    tree, before = Worktree(trial.address), checkout()
    killed(
        "trial = made()\nmanager = Worktree(trial.address).open(trial)\n(manager.__enter__() / "
        "'half').touch()"
    )
    assert (tree.folder / "half").exists()
    left = checkout()
    assert left["git"][1] != before["git"][1]  # git lists the worktree until the next study
    assert {name: left[name] for name in left if name != "git"} == {
        name: before[name] for name in before if name != "git"
    }
    with tree.open(trial) as project:
        assert not (project / "half").exists()
    assert checkout() == before


def test_worktrees_of_killed_trials_are_removed_by_the_next_study(trial: Trial):
    before = checkout()
    killed("trial = made()\nWorktree(trial.address).open(trial).__enter__()")
    remove_abandoned()
    assert checkout() == before
    assert not list((worktree.folder() / "worktrees").iterdir())


def test_worktrees_of_running_trials_stay(trial: Trial):
    tree = Worktree(trial.address)
    with tree.lock, tree.open(trial) as project:
        words = [
            sys.executable,
            "-c",
            "from commands.study.worktree import remove_abandoned\nremove_abandoned()",
        ]
        subprocess.run(words, check=True, env=environment())
        assert project.exists()


def test_stages_that_a_kill_left_at_work_are_ended(trial: Trial):
    """A user's shell in the folder is not."""
    tree = Worktree(trial.address)
    with tree.open(trial) as project:
        stage = psutil.Popen(
            [sys.executable, "-c", "import time; time.sleep(300)", "tasks.train"], cwd=project
        )
        shell = psutil.Popen([sys.executable, "-c", "import time; time.sleep(300)"], cwd=project)
        try:
            assert [one.pid for one in processes_in(tree.folder)] == [stage.pid]
            remove_abandoned()  # nobody holds the lock, but a stage is at work
            assert project.exists()
            tree.remove()
            assert not stage.is_running()
            assert shell.is_running()
            assert not project.exists()
        finally:
            shell.kill()
            shell.wait()


def test_two_checkouts_have_worktrees_of_their_own(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    mine = Worktree(trial.address).folder
    monkeypatch.chdir(tmp_path)
    assert Worktree(trial.address).folder != mine


def test_a_project_in_a_folder_of_a_repository(
    workspace: Path, hone_home: Path, monkeypatch: pytest.MonkeyPatch
):
    """DVC's project may lie below git's."""
    inner = workspace / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    subprocess.run([*DVC, "init", "--quiet", "--subdir"], check=True)
    trial = made()
    Path(".gitignore").write_text("/inputs/*\n")
    git("add", "--all", ".")
    git("commit", "--quiet", "-m", "inner")
    Path("recipes/ance.yaml").write_text("about: mine\n")
    with Worktree(trial.address).open(trial) as project:
        assert project.name == "inner"
        assert (project / "recipes/ance.yaml").read_text() == "about: mine\n"
        assert (project / "inputs/ours/queries.jsonl").exists()


def test_a_folder_without_dvc_is_told(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "plain"
    folder.mkdir()
    monkeypatch.chdir(folder)
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "-m", "one")
    with (
        pytest.raises(Refused, match="DVC cannot share its cache with a trial"),
        Worktree("a" * 20).open(trial),
    ):
        pass
    assert "detached" not in git("worktree", "list")
