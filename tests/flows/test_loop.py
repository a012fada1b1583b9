"""The flow on a made-up project: what its states say is what DVC did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from hone.pipeline import durations, progress
from tests.flows.project import PARAMS, made

RISING = {"r0": 0.4, "r1": 0.5, "r2": 0.6}
PROJECT = Path(__file__).parent.parent.parent


@pytest.fixture
def loop():
    from flows.loop import loop

    return loop


def names_of(flow_run_id) -> dict[str, str]:
    """State names by task."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])), limit=100
        )
    return {run.name: run.state.name for run in runs}


def run(loop, **given) -> tuple[object, dict[str, str]]:
    state = loop(**given, return_state=True)
    return state, names_of(state.state_details.flow_run_id)


def test_an_empty_flow_runs():
    """It does not where fastapi is one that Prefect 3.8.8 cannot work with."""
    from prefect import flow

    @flow
    def empty() -> int:
        return 1

    assert empty() == 1


def test_states_say_what_dvc_did(workspace: Path, loop):
    made(workspace, RISING)
    state, names = run(loop)
    assert state.is_completed(), state.message
    assert set(names.values()) == {"Completed"}
    assert {"resolve", "train@r1", "evaluate@r2-made-up", "report"} <= set(names)

    state, names = run(loop)
    assert set(names.values()) == {"Unchanged"}

    (workspace / "inputs/r2").write_text("0.7\n")
    state, names = run(loop)
    assert {name for name, found in names.items() if found == "Completed"} == {
        "resolve",
        "train@r2",
        "evaluate@r2-made-up",
        "report",
    }

    (workspace / "inputs/r2").write_text("0.6\n")
    state, names = run(loop)
    assert {name for name, found in names.items() if found == "Restored"} == {
        "resolve",
        "train@r2",
        "evaluate@r2-made-up",
        "report",
    }
    assert (workspace / "models/r2").read_text().splitlines()[-1] == "0.6"


def test_the_progress_of_a_flow_is_that_of_any_run(workspace: Path, loop):
    """While it runs, its file names what runs. Its stages have durations afterwards."""
    made(workspace, RISING, work="cat .dvc/tmp/progress/run.json > seen-$1")
    state, _ = run(loop)
    assert state.is_completed(), state.message
    seen = json.loads((workspace / "seen-r2").read_text())
    assert seen["command"] == "flows.loop"
    assert "train@r2" in seen["running"]
    assert seen["total"] == 8
    assert seen["done"] >= 3
    assert seen["groups"]
    assert not progress.run_file().exists()
    assert {"resolve", "train@r2", "report"} <= set(durations.read())


def test_a_part_of_the_graph(workspace: Path, loop):
    made(workspace, RISING)
    _, names = run(loop, until="r1")
    assert set(names) == {"resolve", "start", "train@r1", "evaluate@r1-made-up"}
    state, _ = run(loop, until="r7")
    assert state.is_failed()
    assert "Stage or round 'r7' does not exist: did you mean 'r" in state.message


def test_a_round_whose_name_begins_with_anothers_is_another():
    """`evaluate@r1-b-ours` is of r1 on b-ours or of r1-b on ours: the stage's command says
    which.
    """
    from hone.pipeline.graph import Stage, options_of, select_stages

    assert options_of("python -m tasks.evaluate --round r1-b --collection ours") == {
        "--round": "r1-b",
        "--collection": "ours",
    }
    stages = [
        Stage("train@r1", (), (), (), "r1"),
        Stage("train@r1-b", ("train@r1",), (), (), "r1-b"),
        Stage("evaluate@r1-ours", ("train@r1",), (), (), "r1", "ours"),
        Stage("evaluate@r1-b-ours", ("train@r1-b",), (), (), "r1-b", "ours"),
    ]
    assert [stage.name for stage in select_stages(stages, "r1")] == ["train@r1", "evaluate@r1-ours"]
    assert [stage.name for stage in select_stages(stages, "r1-b")] == [
        "train@r1",
        "train@r1-b",
        "evaluate@r1-b-ours",
    ]


def test_a_stage_that_fails_is_named_with_its_output(workspace: Path, loop):
    made(workspace, RISING, work='test $1 = r1 || { echo "the disk is full"; exit 3; }')
    state, names = run(loop)
    assert state.is_failed()
    assert "train@r2 failed" in state.message
    assert "the disk is full" in state.message
    assert "Skipped because of this: evaluate@r2-made-up, report" in state.message
    assert names["train@r1"] == "Completed"
    assert names["train@r2"] == "Failed"


def test_a_stage_that_fails_is_tried_again(workspace: Path, loop):
    made(workspace, RISING, work="test -e tried-$1 || { touch tried-$1; exit 1; }")
    state, names = run(loop, retries=1)
    assert state.is_completed(), state.message
    assert names["train@r1"] == "Completed"


def test_a_round_is_not_run_when_the_one_before_gained_too_little(workspace: Path, loop):
    made(
        workspace,
        {"r0": 0.4, "r1": 0.401, "r2": 0.6},
        stop={"minimum_gain": 0.005, "metric": "ndcg_at_10"},
    )
    state, names = run(loop)
    assert state.name == "Stopped early"
    assert "r1 gains +0.0010 ndcg_at_10 over r0 on the dev queries" in state.message
    assert names["evaluate@r1-made-up"] == "Completed"
    assert {names[name] for name in ("train@r2", "evaluate@r2-made-up", "report")} == {"Not run"}
    assert not (workspace / "models/r2").exists()

    _, names = run(loop, until="train@r2")
    assert names["evaluate@r1-made-up"] == "Unchanged"
    assert names["train@r2"] == "Not run"


def test_a_round_that_gains_enough_is_followed_by_the_next(workspace: Path, loop):
    made(workspace, RISING, stop={"minimum_gain": 0.005, "metric": "ndcg_at_10"})
    state, _ = run(loop)
    assert state.name == "Completed"
    assert (workspace / "models/r2").exists()


def test_a_metric_that_is_not_measured(workspace: Path, loop):
    made(workspace, RISING, stop={"minimum_gain": 0.005, "metric": "ndcg_at_1"})
    state, _ = run(loop)
    assert "stop.metric is 'ndcg_at_1': did you mean 'ndcg_at_10'?" in state.message


def test_params_that_change_while_a_stage_runs(workspace: Path, loop):
    made(workspace, RISING, work="echo '# edited' >> params.yaml")
    state, _ = run(loop)
    assert state.is_failed()
    assert "'params.yaml' changed while train@r1 ran" in state.message


def test_two_flows_in_one_folder(workspace: Path, loop):
    from hone.pipeline.watch import alone_here

    made(workspace, RISING)
    with alone_here():
        state, names = run(loop)
    assert "another flow or `hone run` runs in this folder" in state.message
    assert not names


def test_no_project_here(workspace: Path, loop):
    (workspace / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    state, _ = run(loop)
    assert "DVC cannot read dvc.yaml" in state.message


def test_a_flow_that_is_ended_ends_its_stages(workspace: Path):
    """SIGTERM to DVC alone leaves the stage at work."""
    made(workspace, RISING, work="echo $$ > pid; exec sleep 300")
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(
        [sys.executable, "-m", "flows.loop"],
        cwd=workspace,
        env=environment,
        stderr=subprocess.DEVNULL,
    ) as flow:
        pid = wait_for(workspace / "pid")
        flow.send_signal(signal.SIGINT)
        flow.wait(60)
    assert flow.returncode != 0
    assert ended(pid)


def test_the_runner_starts_nothing_after_its_end(workspace: Path):
    from hone.pipeline.graph import Runner, Stopping

    made(workspace, RISING, work="echo $$ > pid; exec sleep 300")
    outcome = []

    def work(runner: Runner) -> None:
        try:
            runner.run("train@r1", outcome.append)
        except Stopping as stop:
            outcome.append(stop)

    with Runner() as runner:
        for stage in ("resolve", "start"):
            runner.run(stage, outcome.append)
        thread = threading.Thread(target=work, args=[runner])
        thread.start()
        pid = wait_for(workspace / "pid")
    thread.join(30)
    assert ended(pid)
    assert isinstance(outcome[-1], Stopping)
    with pytest.raises(Stopping):
        runner.run("resolve", outcome.append)


def wait_for(file: Path) -> int:
    for _ in range(600):
        if file.exists() and file.read_text().strip():
            return int(file.read_text())
        time.sleep(0.1)
    raise AssertionError(f"{file} never came")


def ended(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
