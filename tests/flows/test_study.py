"""The flow of studies: its form, what it lists without running anything, and one real trial."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from tests.conftest import PROJECT as HERE
from tests.flows.project import made
from tests.flows.test_loop import RISING, names_of, wait_for
from tests.loop.project import Project


@pytest.fixture
def study():
    from flows.study import study

    return study


def ended_all(processes: list[psutil.Process]) -> bool:
    """Whether all of them end within a while."""
    return not psutil.wait_procs(processes, timeout=30)[1]


def test_the_form_offers_the_recipes_that_are_there(study):
    from prefect.utilities.callables import parameter_schema

    form = parameter_schema(study).model_dump()["properties"]
    assert form["recipes"]["items"]["enum"] == sorted(
        file.stem for file in (HERE / "recipes").glob("*.yaml")
    )
    assert form["rounds"]["anyOf"][0]["minimum"] == form["seeds"]["anyOf"][0]["minimum"] == 1
    assert form["rounds"]["anyOf"][1]["type"] == "null"
    assert form["steps"]["anyOf"][0]["minimum"] == form["first_seed"]["anyOf"][0]["minimum"] == 1
    assert form["split"]["anyOf"][0]["enum"] == ["test", "dev"]
    assert form["contrasts"]["items"]["pattern"]


def test_a_contrast_is_two_arms(study):
    from flows import study as module

    assert module.pairs([]) is None
    assert module.pairs(["top-k:ance"]) == [("top-k", "ance")]
    for odd in ("top-k", "a:b:c", "a:", ":b"):
        with pytest.raises(
            module.Refused, match=f"Contrast '{odd}' is not valid. Write it as ONE:OTHER"
        ):
            module.pairs(["a:b", odd])


def test_the_command_says_so_before_a_flow_begins(workspace: Path, capsys: pytest.CaptureFixture):
    from flows.study import main

    with pytest.raises(SystemExit):
        main(["top-k", "ance", "--contrast", "top-k-ance"])
    assert (
        "Contrast 'top-k-ance' is not valid. Write it as ONE:OTHER, with two arms of the study."
        in capsys.readouterr().err
    )


def test_the_deployment_says_what_the_flow_takes(study):
    [deployment] = [
        one
        for one in yaml.safe_load((HERE / "prefect.yaml").read_text())["deployments"]
        if one["name"] == "study"
    ]
    assert deployment["entrypoint"] == "flows/study.py:study"
    study.validate_parameters(deployment["parameters"])


def test_the_command_of_a_study():
    from flows.study import command, read_outcome, words

    arguments = command(
        words(["top-k", "ance"], None), {"rounds": 2, "seeds": None, "first": "warm-up"}
    )
    assert arguments[1:] == [
        "-m",
        "commands",
        "study",
        "top-k",
        "ance",
        "--rounds",
        "2",
        "--warmup-recipe",
        "warm-up",
        "--no-probe",
    ]
    arguments = command(
        ["one.yaml"],
        {
            "steps": 9,
            "split": "dev",
            "first_seed": 6,
            "collection": "ours",
            "contrasts": [("a", "b"), ("a", "c")],
        },
    )
    assert arguments[4:-1] == [
        "one.yaml",
        "--steps",
        "9",
        "--split",
        "dev",
        "--seed-offset",
        "5",
        "--collection",
        "ours",
        "--contrast",
        "a:b",
        "--contrast",
        "a:c",
    ]
    tuned = command(["top-k"], {"tune": [{"learning_rate": 2e-5}, {"learning_rate": 1e-4}]})
    assert tuned[5:-1] == [
        "--tune",
        "{learning_rate: 2.0e-05}",
        "--tune",
        "{learning_rate: 0.0001}",
    ]
    assert command(["top-k"], {}, refresh=True)[4:] == ["top-k", "--refresh", "--no-probe"]
    assert words([], "studies/one.yaml") == ["studies/one.yaml"]
    assert (
        read_outcome("top-k, seed 2 (1 of 1)\ntop-k, seed 2: done; 0 left\n", "top-k, seed 2")
        == "Completed"
    )
    assert read_outcome("2 trials, 2 are there, 0 to run\n", "top-k, seed 2") == "Unchanged"


@pytest.mark.parametrize("given", [{}, {"recipes": ["top-k"], "file": "studies/one.yaml"}])
def test_recipes_or_a_file_and_not_both(workspace: Path, study, given: dict):
    from flows import study as module

    with pytest.raises(module.Refused, match="A study needs recipes or a file of studies/"):
        module.words(list(given.get("recipes", [])), given.get("file"))


def test_a_study_that_cannot_be_meant_runs_nothing(workspace: Path, study):
    shutil.copytree(HERE / "recipes", "recipes")
    state = study(recipes=["top-k", "top-k"], return_state=True)
    assert state.is_failed()
    assert "hone study names a recipe twice" in state.message
    assert not names_of(state.state_details.flow_run_id)


def test_every_seed_is_a_task_for_each_arm_and_one_that_fails_is_named(workspace: Path, study):
    """params.yaml is missing: the command itself says so, for each of them and for the whole."""
    shutil.copytree(HERE / "recipes", "recipes")
    state = study(recipes=["top-k", "ance"], seeds=2, return_state=True)
    names = names_of(state.state_details.flow_run_id)
    assert set(names) == {
        "top-k, seed 1",
        "ance, seed 1",
        "top-k, seed 2",
        "ance, seed 2",
        "result",
    }
    assert set(names.values()) == {"Failed"}
    assert "top-k, seed 1 failed. Last lines of its output:" in state.message
    assert "params.yaml" in state.message


def test_many_recipes_run_with_the_contrasts_and_the_seeds_that_are_named(
    workspace: Path, study, monkeypatch: pytest.MonkeyPatch
):
    """Eight recipes are more contrasts than are tested at once, unless it is said which; every
    one of them is a task all the same.
    """
    monkeypatch.setattr(
        "flows.study.command", lambda *_: ["false"]
    )  # what the command says is the test above's
    shutil.copytree(HERE / "recipes", "recipes")
    names = ["top-k", "ance", "nv-retriever", "guide", "art", "event", "rlhn", "rlhn-drop"]
    assert (
        "7 contrasts, but at most 6 can be tested"
        in study(recipes=names, return_state=True).message
    )
    state = study(
        recipes=names,
        seeds=1,
        first_seed=6,
        steps=2,
        split="dev",
        contrasts=["top-k:ance"],
        return_state=True,
    )
    assert set(names_of(state.state_details.flow_run_id)) == {
        *(f"{name}, seed 6" for name in names),
        "result",
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_ended_ends_what_it_started(workspace: Path, number: signal.Signals):
    """As `hone study` runs DVC: in its own main thread, where the signal comes."""
    made(workspace, RISING, work="echo $$ > pid; exec sleep 300")
    code = (
        "from hone.pipeline.graph import Runner\n"
        "with Runner() as runner:\n"
        "    for stage in ('resolve', 'start', 'train@r1'): runner.run(stage, print)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=workspace, env=environment, stderr=subprocess.DEVNULL
    ) as process:
        stage = psutil.Process(wait_for(workspace / "pid"))
        process.send_signal(number)
        process.wait(60)
    assert process.returncode != 0
    assert ended_all([stage])


def test_the_command_line_gives_the_flow_every_setting(monkeypatch: pytest.MonkeyPatch):
    from prefect.states import Completed

    from flows import study as flow_study

    given: dict[str, object] = {}
    monkeypatch.setattr(flow_study.access, "join", lambda: None)
    monkeypatch.setattr(
        flow_study, "study", lambda *words, **options: given.update(options) or Completed()
    )
    words = ["ance", "--collection", "ours", "--seed-offset", "5", "--warmup-recipe", "warm-up"]
    assert flow_study.main([*words, "--rounds", "2", "--steps", "9"]) == 0
    assert {name: given[name] for name in ("collection", "first_seed", "first", "rounds")} == {
        "collection": "ours",
        "first_seed": 6,
        "first": "warm-up",
        "rounds": 2,
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, encoded: Path, forks: Path) -> Project:
    """A project with a small collection and the commands in it."""
    folder = tmp_path_factory.mktemp("study")
    return Project.made(folder / "project", shutil.copytree(encoded, folder / "home"), forks=forks)


@pytest.mark.loop
def test_a_flow_that_is_ended_ends_the_trial(project: Project):
    with subprocess.Popen(
        [sys.executable, "-m", "flows.study", "top-k", "--seeds", "1"],
        cwd=project.folder,
        env=project.environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as flow:
        below = at_work(psutil.Process(flow.pid), "tasks.")
        flow.send_signal(signal.SIGINT)
        flow.wait(90)
    assert flow.returncode != 0
    assert ended_all(below)


def at_work(flow: psutil.Process, words: str) -> list[psutil.Process]:
    """Every process below a flow, as soon as one of them is a stage."""
    for _ in range(1200):
        below = flow.children(recursive=True)
        for one in below:
            try:
                if any(word.startswith(words) for word in one.cmdline()):
                    return below
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.1)
    raise AssertionError("no stage began")


@pytest.mark.loop
def test_a_trial_that_was_run_is_not_run_again(
    project: Project, study, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(project.folder)
    for key in ("HONE_HOME", "PYTHONPATH", "FORKS"):
        monkeypatch.setenv(key, project.quick[key])
    for outcome in ("Completed", "Unchanged"):
        state = study(recipes=["top-k"], seeds=1, return_state=True)
        assert state.is_completed(), state.message
        assert names_of(state.state_details.flow_run_id) == {
            "top-k, seed 1": outcome,
            "result": "Completed",
        }
    assert "1 trials: 1 unchanged. Result: reports/studies/top-k/" in state.message
    assert "top-k" in artifact()


def artifact() -> str:
    """What the flow shows of a study."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    with get_client(sync_client=True) as client:
        found = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["study"]))
        )
    return found[0].data
