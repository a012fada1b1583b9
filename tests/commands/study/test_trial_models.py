"""Models of finished trials leave DVC's cache, and nothing else does: with real DVC on stages
that write small files.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from commands.study import trial_models, worktree
from commands.study.arms import Trial
from commands.study.trial_models import note_finished, note_unfinished, remove_models
from commands.study.worktree import Worktree
from hone.errors import Refused
from tests.commands.study.trials import made

DVC = [sys.executable, "-m", "dvc"]
WEIGHTS = 1000  # bytes
# A model is a folder of weights and of a small file that all models share; r2 trains on r1.
MODEL = (
    f"mkdir -p models/$R && head -c {WEIGHTS} /dev/zero | tr '\\0' $C > "
    "models/$R/model.safetensors && echo same > models/$R/config.json"
)


def stage(round: str, letter: str, *deps: str) -> dict:
    return {"cmd": f"R={round}; C={letter}; {MODEL}", "deps": [*deps], "outs": [f"models/{round}"]}


STAGES = {
    "base": stage("r0", "a"),
    "train@r1": stage("r1", "b", "models/r0"),
    "train@r2": stage("r2", "c", "models/r1"),
}
RAN = {name: {"seconds": 1.0} for name in ("train@r1", "train@r2", "rank@r1", "rank@r2")}
USER = {name: {"seconds": None} for name in RAN}  # what no trial ran


@pytest.fixture(autouse=True)
def trial(workspace: Path) -> Trial:
    trial = made("top-k", first="warm-up")
    assert list(trial.rounds) == ["r1", "r2"]
    names = {name.replace("@", "-"): item for name, item in STAGES.items()}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": names}))
    Path(".gitignore").write_text("/models\n/inputs/*\n")
    git("init", "--quiet", "--initial-branch", "ours")
    subprocess.run([*DVC, "init", "--quiet"], check=True)
    commit()
    return trial


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True)


def commit() -> None:
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "-m", "one")


def run(project: Path = Path()) -> None:
    subprocess.run([*DVC, "--cd", str(project), "repro", "--quiet"], check=True)


def in_cache() -> set[str]:
    """The first letters of the files in the cache that are as large as weights."""
    files = [file for file in Path(".dvc/cache/files/md5").rglob("*") if file.is_file()]
    return {file.read_text()[0] for file in files if file.stat().st_size == WEIGHTS}


def finish(trial: Trial, stages: dict[str, dict]) -> int:
    """Run the stages in the trial's worktree and remove its models; the bytes that this frees."""
    with Worktree(trial.address).open(trial) as project:
        run(project)
        return remove_models(trial, project, stages)


def test_the_weights_of_a_trials_rounds_leave_the_cache(trial: Trial):
    freed = finish(trial, RAN)
    assert in_cache() == {"a"}
    assert 2 * WEIGHTS < freed < 3 * WEIGHTS


def test_the_base_model_and_small_files_stay(trial: Trial):
    finish(trial, RAN)
    texts = [
        file.read_bytes() for file in Path(".dvc/cache/files/md5").rglob("*") if file.is_file()
    ]
    assert b"same\n" in texts


def test_a_trial_that_needs_a_removed_model_trains_it_again(trial: Trial):
    finish(trial, RAN)
    with Worktree(trial.address).open(trial) as project:
        run(project)
        assert (project / "models/r2/model.safetensors").stat().st_size == WEIGHTS
    assert in_cache() == {"a", "b", "c"}


def test_models_of_the_users_checkout_stay(trial: Trial):
    run()
    assert finish(trial, RAN) == 0
    assert in_cache() == {"a", "b", "c"}


def test_models_that_an_earlier_commit_names_stay(trial: Trial):
    """The user can go back to it."""
    run()
    commit()
    Path("dvc.lock").unlink()
    commit()
    assert finish(trial, RAN) == 0
    assert in_cache() == {"a", "b", "c"}


@pytest.mark.parametrize("attributes", ["", "dvc.lock -diff\n"])
def test_models_of_a_merged_branch_stay_whatever_git_shows(trial: Trial, attributes: str):
    """The merge keeps the other side, and the branch is deleted: plain `git log` skips it."""
    Path(".gitattributes").write_text(attributes)
    commit()
    git("checkout", "--quiet", "-b", "side")
    run()
    commit()
    git("checkout", "--quiet", "ours")
    git("merge", "--quiet", "--strategy", "ours", "-m", "merged", "side")
    git("branch", "--quiet", "-D", "side")
    assert not Path("dvc.lock").exists()
    assert finish(trial, RAN) == 0
    assert in_cache() == {"a", "b", "c"}


def test_models_of_a_worktree_of_the_users_stay(trial: Trial, tmp_path: Path):
    git("worktree", "add", "--quiet", "-b", "theirs", str(tmp_path / "theirs"))
    run()
    Path("dvc.lock").rename(tmp_path / "theirs" / "dvc.lock")
    assert finish(trial, RAN) == 0
    assert in_cache() == {"a", "b", "c"}


def test_nothing_is_removed_if_git_fails(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    def failing(*words: str) -> str:
        raise Refused("`git log` failed")

    monkeypatch.setattr(trial_models, "git", failing)
    assert finish(trial, RAN) == 0
    assert in_cache() == {"a", "b", "c"}
    assert "model weights are kept in DVC's cache: `git log` failed" in capsys.readouterr().out


def test_models_that_no_trial_made_stay(trial: Trial):
    """A round of the user's that params.yaml no longer has: DVC restores it if it comes back."""
    run()
    Path("dvc.lock").unlink()
    assert finish(trial, USER) == 0
    finish(trial, RAN | {"train@r1": {"seconds": None}})
    assert in_cache() == {"a", "b"}


def test_what_an_unfinished_trial_will_need_stays_until_it_has_ended(trial: Trial):
    other = made("ance", first="warm-up")
    note_unfinished([trial, other])
    note_finished(trial)
    finish(trial, RAN)
    assert in_cache() == {"a", "b"}  # the first round is the same in both
    note_finished(other)
    finish(trial, RAN)
    assert in_cache() == {"a"}


def test_what_a_running_trial_has_made_stays(trial: Trial):
    other = made("ance", first="warm-up")
    with Worktree(other.address).open(other) as project:
        run(project)
        assert finish(trial, RAN) == 0
    assert in_cache() == {"a", "b", "c"}


def test_nothing_leaves_a_cache_that_other_checkouts_may_use(trial: Trial, tmp_path: Path):
    subprocess.run(
        [*DVC, "cache", "dir", "--local", str(tmp_path / "cache")],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    assert finish(trial, RAN) == 0
    assert [
        file
        for file in (tmp_path / "cache").rglob("*")
        if file.is_file() and file.stat().st_size == WEIGHTS
    ]
    assert not list((worktree.folder() / "worktrees").iterdir())
