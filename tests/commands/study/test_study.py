"""A study as a user runs it: real experiments of DVC in a copy of the project."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import polars as pl
import pytest

from tests.loop.project import Project

pytestmark = pytest.mark.loop

WORDS = ["top-k", "ance", "--seeds", "1", "--steps", "2", "--no-probe"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, encoded: Path, forks: Path) -> Project:
    folder = tmp_path_factory.mktemp("study")
    return Project.made(folder / "project", shutil.copytree(encoded, folder / "home"), forks=forks)


def hone(project: Project, *words: str, fails: bool = False) -> str:
    """What the command prints; it runs in this process, and DVC and the stages in others."""
    from commands.__main__ import main

    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        patch.chdir(project.folder)
        patch.setattr(sys, "argv", ["hone", *words])
        patch.setattr(sys, "executable", str(project.forks / "python"))  # whose folder comes first on the stages' PATH
        for name, value in project.environment.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
    text = said.getvalue() + (ended.value.code if isinstance(ended.value.code, str) else "")
    assert bool(ended.value.code) is fails, text
    return text


def as_a_process(project: Project, *words: str) -> str:
    command = [sys.executable, "-m", "commands", *words]
    done = subprocess.run(command, check=False, cwd=project.folder, env=project.environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def git(project: Project, *words: str) -> str:
    return subprocess.run(["git", *words], check=True, cwd=project.folder, capture_output=True, text=True).stdout


def facts(project: Project) -> dict[str, dict]:
    return {told["arm"]: told for file in sorted((project.home / "studies").glob("*.json")) for told in [json.loads(file.read_text())]}


def test_two_recipes_side_by_side(project: Project):
    before = (project.folder / "params.yaml").read_bytes()
    said = hone(project, "study", *WORDS)
    assert "2 trials (2 arms, 1 seeds), 0 are there, 2 to run" in said
    assert (project.folder / "params.yaml").read_bytes() == before
    assert not git(project, "status", "--porcelain", "--", "params.yaml", "recipes", "tasks", "dvc.yaml")
    made = facts(project)
    assert all(told["rounds"]["r1"]["steps"] == 2 for told in made.values())
    # The second arm finds the texts of its mining in the store, and what comes before its round in DVC's cache.
    second = made["ance"]["stages"]
    assert second["retrieve@r1"]["ran"]
    assert sum(second["retrieve@r1"]["wanted"].values()) > 1000
    assert second["retrieve@r1"]["encoded"] == 0
    assert not second["collect@python-api"]["ran"]
    assert not second["start"]["ran"]
    written = project.folder / "reports/studies/top-k-ance"
    queries = pl.read_parquet(written / "queries.parquet")
    assert sorted(queries["arm"].unique()) == ["ance", "top-k"]
    assert pl.read_parquet(written / "arms.parquet")["texts"].min() > 1000
    assert "ance − top-k" in (written / "study.md").read_text()


def test_what_is_known_by_now_is_written_and_nothing_runs(project: Project):
    more = ["top-k", "ance", "--seeds", "2", "--steps", "2", "--no-probe", "--so-far"]
    assert "4 trials (2 arms, 2 seeds), 2 are there, 2 to run" in as_a_process(project, "study", *more)
    assert "2 trials of 4 did not end or did not run yet" in (project.folder / "reports/studies/top-k-ance/study.md").read_text()
    assert len(facts(project)) == 2
    said = hone(project, "study", "random", "--steps", "2", "--seeds", "1", "--no-probe", "--so-far", fails=True)
    assert "no trial of this study has ended yet" in said


def test_nothing_runs_twice(project: Project):
    said = hone(project, "study", *WORDS)
    assert "2 are there, 0 to run" in said
    assert "resolve" not in said


def test_what_dvc_keeps_is_gathered_again_where_the_memory_is_gone(project: Project):
    """Without HONE_HOME's results the experiments are still there: nothing trains."""
    kept = facts(project)
    for file in (project.home / "studies").glob("*.*"):
        file.unlink()
    said = hone(project, "study", *WORDS)
    assert "train r1" not in said
    again = facts(project)
    assert {arm: told["rounds"] for arm, told in again.items()} == {arm: told["rounds"] for arm, told in kept.items()}


def test_a_recipe_that_git_does_not_know_is_refused_before_work(project: Project):
    Path(project.folder / "recipes/mine.yaml").write_text("about: mine\n")
    said = hone(project, "study", "mine", "--steps", "2", fails=True)
    assert "git does not know 'recipes/mine.yaml'" in said
    Path(project.folder / "recipes/mine.yaml").unlink()


def test_a_recipe_that_wants_what_is_not_here_is_refused_before_work(project: Project):
    said = hone(project, "study", "rlhn", "top-k", "--seeds", "1", "--steps", "2", "--no-probe", fails=True)
    assert "the arm rlhn cannot run here" in said
    assert "top-k, seed 1" not in said


def test_an_arm_that_fails_does_not_keep_the_others_from_running(project: Project):
    """The table that a source reads shows only in its stage that it has nothing on these documents."""
    folder = project.folder
    (folder / "inputs/links.csv").write_text("doc_id,neighbour_id,rank\nnobody,no one,1\n")
    arms = {"broken": {"recipe": "top-k", "retrieve": [{"neighbour-bands": {"file": "inputs/links.csv"}}]}, "top-k": {"recipe": "top-k"}}
    study = {"question": "Which?", "arms": arms, "contrasts": [["top-k", "broken"]], "seeds": 1, "steps": 3}
    (folder / "mine.yaml").write_text(json.dumps(study))
    git(project, "add", "--force", "inputs/links.csv")
    said = hone(project, "study", "mine.yaml", "--no-probe", fails=True)
    assert "broken, seed 1 failed" in said
    assert "top-k, seed 1" in said
    assert "no trial has ended yet: broken." in (folder / "reports/studies/mine/study.md").read_text()


def test_an_arm_goes_into_the_study_with_the_setting_that_dev_prefers(project: Project):
    """Two settings with seed 1, then seed 2 with the better one; a rate of nothing leaves the base model as it is."""
    words = ["top-k", "--seeds", "1", "--steps", "2", "--tune", "{learning_rate: 1.0e-12}", "--tune", "{learning_rate: 5.0e-4}"]
    assert "tuned before: 2 settings of training for each arm" in hone(project, "study", *words, "--dry", "--no-probe")
    said = hone(project, "study", *words, "--no-probe")
    assert "top-k-setting2, seed 1: done" in said
    assert "top-k, seed 2: done" in said
    (written,) = (project.folder / "reports/studies").glob("top-k-tuned-*")
    tried = pl.read_parquet(written / "tuning.parquet")
    taken = tried.filter("taken")
    assert tried["ndcg_at_10"].n_unique() == 2
    assert taken["ndcg_at_10"].item() == tried["ndcg_at_10"].max()
    assert f"top-k takes {taken['setting'].item()}" in (written / "study.md").read_text().replace("\\", "")
    queries = pl.read_parquet(written / "queries.parquet")
    assert queries["seed"].unique().to_list() == [2]
    assert "2 trials, 2 are there, 0 to run" in hone(project, "study", *words, "--no-probe")
