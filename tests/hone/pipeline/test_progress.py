"""Progress files: what is written is read back, whatever the order of the writers and kills."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hone.pipeline import durations, progress
from hone.pipeline.progress import RunState, StageState
from hone.pipeline.tracker import Tracker
from hone.processes import owner
from hone.stage import Progress
from tests.conftest import PROJECT


@pytest.fixture
def checkout(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (workspace / ".dvc").mkdir()
    monkeypatch.delenv(progress.ROOT_VARIABLE, raising=False)
    monkeypatch.setenv(progress.STAGE_VARIABLE, "train@r1")
    return workspace


def dead_process() -> str:
    """The name of a process that has ended, with the number of one that runs."""
    machine, number, start = owner().split(":")
    return f"{machine}:{number}:{int(start) + 1}"


def test_a_stage_reports_what_it_counts(checkout: Path):
    with progress.reported():
        assert progress.read_stages() == [StageState(owner(), "train@r1")]
        progress.report("train: steps", 3, 10, 7.0)
        [state] = progress.read_stages()
        assert state == StageState(owner(), "train@r1", "train: steps", 3, 10, 7.0)
    assert progress.read_stages() == []


def test_counters_of_stages_report_through_the_same_file(checkout: Path):
    counter = Progress("train: steps", 10)
    counter.add(4)
    [state] = progress.read_stages()
    assert (state.what, state.done, state.total) == ("train: steps", 4, 10)
    counter.add(1)  # within a second of the last report
    assert progress.read_stages() == [state]
    counter.add(5)  # the end is always reported
    assert progress.read_stages()[0].done == 10


@pytest.mark.parametrize("without", ["DVC_STAGE", ".dvc"])
def test_nothing_is_written_without_dvc(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, without: str
):
    if without == ".dvc":
        (checkout / without).rmdir()
    else:
        monkeypatch.delenv(without)
    progress.report("train: steps", 3, 10)
    assert not list(checkout.rglob("*.json"))


def test_a_stage_goes_on_if_its_report_cannot_be_written(checkout: Path):
    (checkout / ".dvc/tmp").write_text("a file in the place of the folder")
    progress.report("train: steps", 3, 10)
    assert progress.read_stages() == []


def test_files_of_ended_processes_are_skipped(checkout: Path):
    """The number of a killed process may belong to another one by now: its start time differs."""
    state = StageState(dead_process(), "train@r1", "train: steps", 3, 10)
    run = RunState(dead_process(), (), "hone run", 0.0, 1, 2, {}, None)
    progress.write_run(run)
    file = progress.stage_file("train@r1")
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(state.__dict__))
    assert progress.read_stages() == []
    assert progress.read_run() is None
    assert progress.read_last_run() == run


def test_a_killed_process_leaves_a_file_that_is_skipped(checkout: Path):
    code = (
        "import os, signal; from hone.pipeline import progress; progress.report('steps', 1, 2); "
        "print(len(progress.read_stages()), flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert (done.returncode, done.stdout) == (-9, "1\n")
    assert progress.stage_file("train@r1").exists()
    assert progress.read_stages() == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"process": 1}', '{"other": "field"}'])
def test_files_of_another_form_are_skipped(checkout: Path, text: str):
    for file in (progress.run_file(), progress.stage_file("train@r1")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert progress.read_stages() == []
    assert progress.read_run() is None


def test_names_of_stages_cannot_leave_the_folder(checkout: Path):
    file = progress.stage_file("../../../evaluate@r1-ours/x")
    assert file.parent == Path(progress.FOLDER) / progress.STAGES


def test_readers_see_whole_files_while_threads_write(checkout: Path):
    """Each thread writes states whose parts belong together, and a reader checks that they do."""
    broken = []

    def write(number: int) -> None:
        for step in range(20):
            progress.report(f"thread {number}", step, step + number)

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        file = progress.stage_file("train@r1")
        if file.exists():
            fields = json.loads(file.read_text())
            if fields["what"] and fields["total"] - fields["done"] != int(fields["what"][-1]):
                broken.append(fields)
    assert broken == []
    assert len(progress.read_stages()) == 1


STAGES = ["resolve", "train@r1", "train@r2"]
CALLS = st.lists(
    st.tuples(st.sampled_from(["begin", "finish", "drop", "expect"]), st.sampled_from(STAGES)),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=CALLS)
def test_any_order_of_calls_leaves_a_readable_file(checkout: Path, calls: list[tuple[str, str]]):
    tracker = Tracker("hone run", STAGES)
    for place, (name, stage) in enumerate(calls):
        if name == "finish":
            tracker.finish(stage, "Unchanged")
        elif name == "expect":
            tracker.expect([stage])
        else:
            getattr(tracker, name)(stage)
        state = progress.read_run()
        assert state.done == len({one for call, one in calls[: place + 1] if call == "finish"})
        assert state.total == len(STAGES)
        assert state.running == tracker.running
    tracker.close()
    assert progress.read_run() is None


def test_the_time_left_is_that_of_the_same_stages_before(checkout: Path):
    long_ago = 1_000_000_000.0
    known = {"resolve": 2.0, "train@r1": 60.0}
    left = progress.estimate_seconds_left
    assert left(["resolve", "train@r1"], known, {}) == 62.0
    assert left(["train@r1", "train@r2"], known, {}) is None  # train@r2 never ran here
    assert left(["train@r1"], known, {"train@r1": long_ago}) == 0.0  # it takes longer than before
    assert left([], known, {}) == 0


def test_the_time_left_is_unknown_until_the_stages_are_known(checkout: Path):
    durations.record("train@r1", 60.0)
    tracker = Tracker("hone run", STAGES)
    assert tracker.seconds_left() is None
    tracker.expect(["train@r1"])
    assert tracker.seconds_left() == 60.0
    tracker.finish("train@r1", "Restored")
    assert tracker.seconds_left() == 0
    assert durations.read() == {"train@r1": 60.0}  # a restored stage has no duration


def test_the_journal_skips_what_a_kill_cut_off(checkout: Path):
    durations.record("resolve", 2.0)
    durations.record("train@r1", 60.0)
    with durations.FILE.open("a") as file:
        file.write('{"stage": "train@r2", "sec')
    durations.record("train@r1", 50.0)
    assert durations.read() == {"resolve": 2.0, "train@r1": 50.0}


def test_a_long_journal_keeps_the_last_duration_of_each_stage(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(durations, "MOST_LINES", 3)
    for seconds in range(5):
        durations.record("resolve", seconds)
    assert durations.read() == {"resolve": 4.0}
    assert len(durations.FILE.read_text().splitlines()) <= 3
