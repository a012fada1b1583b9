"""A study as a user runs it: real DVC and git worktrees in a copy of the project."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import polars as pl
import psutil
import pytest

from tests.loop.project import Project

pytestmark = pytest.mark.loop

WORDS = ["top-k", "ance", "--seeds", "1", "--steps", "2", "--no-probe"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, encoded: Path, forks: Path) -> Project:
    """The project with a dvc.lock and uncommitted changes of the user's."""
    folder = tmp_path_factory.mktemp("study")
    project = Project.made(
        folder / "project", shutil.copytree(encoded, folder / "home"), forks=forks
    )
    project.repro("resolve")
    recipe = project.folder / "recipes/top-k.yaml"
    recipe.write_text(recipe.read_text() + "# a remark that is not committed\n")
    (project.folder / "notes.txt").write_text("untracked")
    return project


def hone(project: Project, *words: str, fails: bool = False) -> str:
    """What the command prints; it runs in this process, and DVC and the stages in others."""
    from commands.__main__ import main

    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        patch.chdir(project.folder)
        patch.setattr(sys, "argv", ["hone", *words])
        patch.setattr(
            sys, "executable", str(project.forks / "python")
        )  # whose folder comes first on the stages' PATH
        for name, value in project.environment.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
    text = said.getvalue() + (ended.value.code if isinstance(ended.value.code, str) else "")
    assert bool(ended.value.code) is fails, text
    return text


def as_a_process(project: Project, *words: str) -> str:
    command = [sys.executable, "-m", "commands", *words]
    done = subprocess.run(
        command,
        check=False,
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def git(project: Project, *words: str) -> str:
    return subprocess.run(
        ["git", *words], check=True, cwd=project.folder, capture_output=True, text=True
    ).stdout


def facts(project: Project, study: str = "top-k-ance") -> dict[str, dict]:
    """The metadata of a study's trial files, by arm."""
    files = sorted((project.folder / "reports/studies" / study / "trials").glob("*.parquet"))
    return {
        told["arm"]: told
        for file in files
        for told in [json.loads(pl.read_parquet_metadata(file)["hone.trial"])]
    }


def checkout(project: Project) -> dict[str, object]:
    """Everything of the user's checkout that a study must leave as it is."""
    files = {
        name: (project.folder / name).read_bytes()
        for name in ("params.yaml", "dvc.lock", ".dvc/config", "recipes/top-k.yaml")
    }
    status = [
        line
        for line in git(project, "status", "--porcelain").splitlines()
        if "reports/" not in line
    ]
    words = (["worktree", "list"], ["stash", "list"], ["for-each-ref"], ["symbolic-ref", "HEAD"])
    made = [
        name
        for name in (".dvc/config.local", "data", "rounds", "models")
        if (project.folder / name).exists()
    ]
    return files | {"status": status, "git": [git(project, *one) for one in words], "made": made}


def test_two_recipes_side_by_side(project: Project):
    before = checkout(project)
    said = hone(project, "study", *WORDS)
    assert "2 trials (2 arms, 1 seeds), 0 finished, 2 to run" in said
    assert checkout(project) == before
    assert not list((project.home / "studies/worktrees").iterdir())
    assert "ance, seed 1: model weights removed from DVC's cache" in said
    made = facts(project)
    assert all(told["rounds"]["r1"]["steps"] == 2 for told in made.values())
    # The second arm finds the texts of its mining in the store, and what comes before its round in
    # DVC's cache.
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
    more = ["top-k", "ance", "--seeds", "2", "--steps", "2", "--no-probe", "--report-only"]
    assert "4 trials (2 arms, 2 seeds), 2 finished, 2 to run" in as_a_process(
        project, "study", *more
    )
    assert (
        "2 trials of 4 are not finished"
        in (project.folder / "reports/studies/top-k-ance/study.md").read_text()
    )
    assert len(facts(project)) == 2
    said = hone(
        project,
        "study",
        "random",
        "--steps",
        "2",
        "--seeds",
        "1",
        "--no-probe",
        "--report-only",
        fails=True,
    )
    assert "No trial of this study is finished yet" in said
    assert not (project.folder / "reports/studies/random").exists()


def test_nothing_runs_twice(project: Project):
    said = hone(project, "study", *WORDS)
    assert "2 finished, 0 to run" in said
    assert "resolve" not in said


def test_a_second_clone_with_the_trial_files_runs_nothing(project: Project, tmp_path: Path):
    git(project, "add", "recipes/top-k.yaml", "reports/studies/top-k-ance/trials")
    git(project, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "trials")
    git(project, "clone", "--quiet", str(project.folder), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone", tmp_path / "home", project.forks)
    said = hone(clone, "study", *WORDS)
    assert "2 finished, 0 to run" in said
    assert "resolve" not in said
    study = "reports/studies/top-k-ance/queries.parquet"
    assert pl.read_parquet(clone.folder / study).equals(pl.read_parquet(project.folder / study))


def test_without_its_file_a_trial_trains_again_and_takes_the_rest_from_the_run_cache(
    project: Project,
):
    """Its model left the cache, and nothing else did."""
    kept = facts(project)
    [file] = (project.folder / "reports/studies/top-k-ance/trials").glob("ance-*.parquet")
    before = pl.read_parquet(file)
    file.unlink()
    said = hone(project, "study", *WORDS)
    assert "1 finished, 1 to run" in said
    assert "train r1" in said
    assert "retrieve r1" not in said
    assert {arm: told["rounds"] for arm, told in facts(project).items()} == {
        arm: told["rounds"] for arm, told in kept.items()
    }
    assert pl.read_parquet(file).equals(before)


def test_a_kill_leaves_the_checkout_as_it_is_and_the_next_run_goes_on(project: Project):
    words = ["study", "top-k", "--seeds", "1", "--seed-offset", "4", "--steps", "2", "--no-probe"]
    before = checkout(project)
    with subprocess.Popen(
        [sys.executable, "-m", "commands", *words],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.DEVNULL,
    ) as process:
        wait_for_stage(project, "tasks.train", process)
        process.kill()
    left = checkout(project)
    assert len(left["git"][0].splitlines()) == 2  # git lists the worktree until the next study
    assert {name: left[name] for name in left if name != "git"} == {
        name: before[name] for name in before if name != "git"
    }
    assert left["git"][1:] == before["git"][1:]
    said = hone(project, *words)
    assert "top-k, seed 5: done" in said
    assert "train r1" in said
    assert "sample r1" not in said
    assert (
        facts(project, "top-k-seeds-from-5")["top-k"]["stages"]["sample@r1"]["seconds"] is not None
    )
    assert checkout(project) == before
    assert not list((project.home / "studies/worktrees").iterdir())


@pytest.mark.slow
def test_two_studies_run_at_once(project: Project):
    before = checkout(project)
    more = ["--seeds", "1", "--seed-offset", "6", "--steps", "2", "--no-probe"]
    with subprocess.Popen(
        [sys.executable, "-m", "commands", "study", "top-k", *more],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.DEVNULL,
    ) as other:
        wait_for_stage(project, "tasks.resolve", other)
        said = hone(project, "study", "random", *more)
        assert other.wait(300) == 0
    assert "random, seed 7: done" in said
    assert set(facts(project, "top-k-seeds-from-7")) == {"top-k"}
    assert set(facts(project, "random-seeds-from-7")) == {"random"}
    assert checkout(project) == before
    assert not list((project.home / "studies/worktrees").iterdir())


def wait_for_stage(project: Project, name: str, process: subprocess.Popen) -> None:
    """Return as soon as a stage is at work in a worktree."""
    for _ in range(3000):
        assert process.poll() is None, "the study ended before the stage began"
        for one in psutil.process_iter(["cwd", "cmdline"]):
            if name in (one.info["cmdline"] or []) and str(one.info["cwd"]).startswith(
                str(project.home)
            ):
                return
        time.sleep(0.1)
    raise AssertionError(f"{name} never began")


def test_results_of_older_code_are_shown_apart_and_run_again_if_asked(project: Project):
    code = project.folder / "tasks/evaluate/__main__.py"
    before = code.read_text()
    code.write_text(before + "\nCHANGED = True\n")
    try:
        said = as_a_process(project, "study", *WORDS)
        assert "0 finished, 0 to run" in said
        assert (
            "2 trials have results from older code and do not run again; use --refresh to run "
            "them: " in said
        )
        assert "to run them: 'ance, seed 1', 'top-k, seed 1'" in said
        assert "Their results are not in the other tables and contrasts" in said
        said = as_a_process(project, "study", *WORDS, "--refresh", "--only-arm", "ance")
        assert "ance, seed 1: done" in said
        assert "retrieve r1" not in said  # its code is the same
        assert (
            len(list((project.folder / "reports/studies/top-k-ance/trials").glob("*.parquet"))) == 3
        )
        as_a_process(project, "study", *WORDS)
        written = (project.folder / "reports/studies/top-k-ance/study.md").read_text()
        assert pl.read_parquet(project.folder / "reports/studies/top-k-ance/queries.parquet")[
            "arm"
        ].unique().to_list() == ["ance"]
        older = written.partition("## Results from older code")[2].replace("\\", "")
        assert "top-k, seed 1" in older
        assert "ance, seed 1" in older
    finally:
        code.write_text(before)


def test_a_recipe_that_git_does_not_know_is_refused_before_work(project: Project):
    Path(project.folder / "recipes/mine.yaml").write_text("about: mine\n")
    said = hone(project, "study", "mine", "--steps", "2", fails=True)
    assert "git does not track 'recipes/mine.yaml'" in said
    Path(project.folder / "recipes/mine.yaml").unlink()


def test_a_recipe_that_wants_what_is_not_here_is_refused_before_work(project: Project):
    said = hone(
        project, "study", "rlhn", "top-k", "--seeds", "1", "--steps", "2", "--no-probe", fails=True
    )
    assert "Arm rlhn cannot run here" in said
    assert "top-k, seed 1" not in said


def test_an_arm_that_fails_does_not_keep_the_others_from_running(project: Project):
    """The table that a source reads shows only in its stage that it has nothing on these
    documents.
    """
    folder = project.folder
    (folder / "inputs/links.csv").write_text("doc_id,neighbour_id,rank\nnobody,no one,1\n")
    arms = {
        "broken": {
            "recipe": "top-k",
            "retrieve": [{"neighbour-bands": {"file": "inputs/links.csv"}}],
        },
        "top-k": {"recipe": "top-k"},
    }
    study = {
        "question": "Which?",
        "arms": arms,
        "contrasts": [["top-k", "broken"]],
        "seeds": 1,
        "steps": 3,
    }
    (folder / "mine.yaml").write_text(json.dumps(study))
    said = hone(project, "study", "mine.yaml", "--no-probe", fails=True)
    assert "broken, seed 1 failed" in said
    assert "top-k, seed 1" in said
    assert (
        "no trial has ended yet: broken." in (folder / "reports/studies/mine/study.md").read_text()
    )


def test_an_arm_goes_into_the_study_with_the_setting_that_dev_prefers(project: Project):
    """Two settings with seed 1, then seed 2 with the better one; a rate of nothing leaves the
    base model as it is.
    """
    words = [
        "top-k",
        "--seeds",
        "1",
        "--steps",
        "2",
        "--tune",
        "{learning_rate: 1.0e-12}",
        "--tune",
        "{learning_rate: 5.0e-4}",
    ]
    assert "tuning: 2 training settings for each arm" in hone(
        project, "study", *words, "--dry-run", "--no-probe"
    )
    said = hone(project, "study", *words, "--no-probe")
    assert "top-k-setting2, seed 1: done" in said
    assert "top-k, seed 2: done" in said
    (written,) = (project.folder / "reports/studies").glob("top-k-tuned-*")
    tried = pl.read_parquet(written / "tuning.parquet")
    taken = tried.filter("taken")
    assert tried["ndcg_at_10"].n_unique() == 2
    assert taken["ndcg_at_10"].item() == tried["ndcg_at_10"].max()
    assert f"top-k uses {taken['setting'].item()}" in (written / "study.md").read_text().replace(
        "\\", ""
    )
    queries = pl.read_parquet(written / "queries.parquet")
    assert queries["seed"].unique().to_list() == [2]
    assert "2 trials, 2 finished, 0 to run" in hone(project, "study", *words, "--no-probe")


SCRIPT = """
import argparse, json
from sentence_transformers import SentenceTransformer

words = argparse.ArgumentParser()
for name in ("base", "pairs", "out", "seed", "steps"):
    words.add_argument(f"--{name}")
given = words.parse_args()
pairs = [json.loads(line) for line in open(given.pairs, encoding="utf-8")]
assert pairs and all(pair.keys() == {"anchor", "positive"} for pair in pairs), pairs[0].keys()
print(f"{len(pairs)} pairs, {given.steps} steps, seed {given.seed}")
model = SentenceTransformer(given.base)
parameter = next(parameter for parameter in model.parameters() if parameter.ndim == 2)
parameter.data[::2] = 0
model.save_pretrained(given.out)
"""


def test_a_script_of_ones_own_is_an_arm(project: Project):
    """Its model is evaluated like that of a round, and its trial does not run twice."""
    folder = project.folder
    (folder / "inputs/script.py").write_text(SCRIPT)
    words = "--base {base} --pairs {pairs} --out {out} --seed {seed} --steps {steps}"
    arms = {
        "in-batch": {"recipe": "in-batch"},
        "script": {"command": f"python inputs/script.py {words}"},
        "shorter": {"recipe": "in-batch", "max_length": 16, "train_queries": 24},
    }
    study = {
        "question": "Does my script do better?",
        "factor": ["max_length", "train_queries"],
        "arms": arms,
        "seeds": 1,
        "steps": 2,
    }
    (folder / "script.yaml").write_text(json.dumps(study))
    before = checkout(project)
    output = hone(project, "study", "script.yaml", "--no-probe")
    assert checkout(project) == before
    assert "script: the time of a command is not estimated" in output
    made = facts(project, "script")
    stages = made["script"]["stages"]
    assert stages["command@r1"]["ran"]
    assert stages["command@r1"]["seconds"] > 0
    assert sum(stages["evaluate@r1-python-api"]["wanted"].values()) > 100
    assert not [name for name in stages if name.startswith(("train", "sample"))]
    rows = pl.read_parquet(folder / "reports/studies/script/queries.parquet")
    mean = {
        (arm, round): part["ndcg_at_10"].mean()
        for (arm, round), part in rows.filter(pl.col("split") == "test").group_by("arm", "round")
    }
    assert mean["script", "r1"] < mean["script", "r0"] == mean["in-batch", "r0"]
    assert mean["shorter", "r0"] != mean["in-batch", "r0"]
    text = (folder / "reports/studies/script/study.md").read_text().replace("\\", "")
    assert "shorter differs from params.yaml: max_length 16; train_queries 24" in text
    assert "script is a command: Hone does not know how many updates it made" in text
    assert "r0 (base model of in-batch)" in text
    assert "3 trials (3 arms, 1 seeds), 3 finished, 0 to run" in hone(
        project, "study", "script.yaml", "--no-probe"
    )


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise SystemExit('no data')", "no data"),
        ("print('nothing')", "it wrote no model folder to {out}"),
        (
            "import pathlib, sys; out = pathlib.Path(sys.argv[1]); out.mkdir(parents=True); "
            "(out / 'pytorch_model.bin').write_bytes(b'x')",
            "script, seed 1 failed",
        ),
    ],
)
def test_a_script_that_fails_is_told_with_its_last_lines(project: Project, code: str, message: str):
    (project.folder / "inputs/bad.py").write_text(code)
    study = {
        "question": "x",
        "arms": {"script": {"command": "python inputs/bad.py {out}"}},
        "seeds": 1,
        "steps": 2,
    }
    (project.folder / "bad.yaml").write_text(json.dumps(study))
    output = hone(project, "study", "bad.yaml", "--no-probe", fails=True)
    assert message in output
    assert not list((project.home / "studies/worktrees").iterdir())
