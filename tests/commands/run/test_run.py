"""`hone run` in a project of shell stages: what it prints, how it fails, and how it goes on."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from hone.pipeline import durations, progress
from tests.conftest import PROJECT
from tests.flows.project import made

RISING = {"r0": 0.4, "r1": 0.5, "r2": 0.6}
VERDICT = "Ship models/r2.\nNext: export it.\n"
STAGES = 8
# Waits in r2 until a file `go` exists.
WAITS = "test $1 = r1 || { echo $$ > pid; until test -e go; do sleep 0.1; done; }"


def hone(*words: str, **more: object) -> subprocess.CompletedProcess:
    return subprocess.run(command(*words), check=False, env=environment(), **more)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "commands", *words]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(PROJECT)}


def run(*words: str) -> subprocess.CompletedProcess:
    return hone("run", *words, capture_output=True, text=True)


@contextmanager
def started(words: list[str], **more: object) -> Iterator[subprocess.Popen]:
    """A process that ends with the block, and with it the stage that waits."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    more = {"stderr": subprocess.DEVNULL} | more
    with subprocess.Popen(
        words,
        env=environment() | {"PATH": path},
        stdout=subprocess.DEVNULL,
        # A shell may have started pytest in the background, where Ctrl-C is ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        **more,
    ) as process:
        try:
            yield process
        finally:
            Path("go").touch()
            process.terminate()


def wait_for(file: Path) -> int:
    for _ in range(600):
        if file.exists() and file.read_text().strip():
            return int(file.read_text())
        time.sleep(0.1)
    raise AssertionError(f"{file} never came")


def running_stages() -> list[str]:
    """The running stages in the progress file, which is written after the stage has begun."""
    for _ in range(100):
        if (state := progress.read_run()) and state.running:
            return list(state.running)
        time.sleep(0.1)
    return []


def ended(process: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.1)
    return False


def test_the_verdict_comes_last(workspace: Path):
    made(workspace, RISING)
    done = run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"\n\n{VERDICT}")
    assert "[1/8] resolve\n" in done.stderr
    assert f"[{STAGES}/{STAGES}] report\n" in done.stderr
    for hint in ("git add", "dvc push", "dvc config", "Updating lock", "Running stage"):
        assert hint not in done.stdout + done.stderr
    assert not progress.run_file().exists()
    assert set(durations.read()) >= {"resolve", "train@r1", "report"}

    again = run()
    assert again.stdout == done.stdout
    assert "Nothing to run: all 8 stages are up to date." in again.stderr

    Path("inputs/r2").write_text("0.7\n")
    changed = run()
    assert "train@r1" not in changed.stderr
    assert "evaluate@r2-made-up" in changed.stderr
    assert "Nothing to run" not in changed.stderr


def test_standard_error_comes_before_the_verdict_in_one_pipe(workspace: Path):
    made(workspace, RISING)
    done = hone("run", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.stdout.endswith(f"\n\n{VERDICT}")


def test_a_pipe_gets_no_control_characters(workspace: Path):
    made(workspace, RISING, work=r"printf '\033[31mred\033[0m\a\n'")
    done = run()
    assert r"\x1b[31mred" in done.stderr
    text = done.stdout + done.stderr
    assert not [mark for mark in text if ord(mark) < 32 and mark not in "\n\t"]


def test_a_terminal_has_one_live_line_and_the_verdict_last(workspace: Path):
    made(workspace, RISING, work=r"printf 'hello\033]0;title\a\n'; sleep 1")
    output = b""

    def read(terminal: int) -> bytes:
        nonlocal output
        output += (part := os.read(terminal, 4096))
        return part

    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, command("run"), environment() | {"TERM": "xterm"})
    while True:
        try:
            if not read(terminal):
                break
        except OSError:  # the terminal is closed
            break
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    text = output.decode()
    assert "of 8 stages · train@r" in text
    assert r"hello\x1b]0;title\x07" in text  # not the sequence that sets the title
    shown = text.replace("\r\n", "\n").removesuffix("\x1b[0m")
    assert shown.endswith(f"\n\n{VERDICT}")


def test_a_part_says_what_comes_next(workspace: Path):
    made(workspace, RISING)
    done = run("--until", "r1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "Up to date: 4 of 8 stages: resolve, start, train@r1, evaluate@r1-made-up.\n"
        "Next: `hone run` brings 4 more up to date: train@r2, evaluate-reference@r0-made-up, "
        "evaluate@r2-made-up, report.\n"
    ) or sorted(done.stdout.split()) == sorted(
        (
            "Up to date: 4 of 8 stages: resolve, start, train@r1, evaluate@r1-made-up.\n"
            "Next: `hone run` brings 4 more up to date: evaluate-reference@r0-made-up, train@r2, "
            "evaluate@r2-made-up, report.\n"
        ).split()
    )
    assert run("--until", "train@r2").returncode == 0
    assert run().stdout.endswith(VERDICT)
    assert run("--until", "r1").stdout.endswith(VERDICT)  # nothing remains


def test_a_round_that_does_not_exist(workspace: Path):
    made(workspace, RISING)
    done = run("--until", "r7")
    assert done.returncode == 1
    assert "Stage or round 'r7' does not exist: did you mean 'r" in done.stderr


def test_a_stage_that_fails_shows_its_last_lines(workspace: Path):
    made(workspace, RISING, work='test $1 = r1 || { seq 99; echo "the disk is full"; exit 3; }')
    done = run()
    assert done.returncode == 1
    assert done.stdout == ""
    message = done.stderr[done.stderr.index("hone: ") :]
    assert message.startswith("hone: train@r2 failed. Its last lines:\n")
    assert "\n88\n" not in message
    assert "\n99\nthe disk is full\n" in message
    assert message.endswith("Fix the problem, then run `hone run` again to resume.\n")
    assert not progress.run_file().exists()
    assert "train@r2" not in durations.read()

    Path("work").write_text("#!/bin/sh\n")
    resumed = run()
    assert resumed.returncode == 0, resumed.stderr
    assert "train@r1" not in resumed.stderr
    assert resumed.stdout.endswith(VERDICT)


@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_ends_its_stages(workspace: Path, how: int, status: int):
    made(workspace, RISING, work=WAITS)
    words = command("run", "--until", "r2")
    with started(words, stderr=subprocess.PIPE, text=True) as process:
        stage = wait_for(Path("pid"))
        assert running_stages() == ["train@r2"]
        process.send_signal(how)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Stopped during train@r2. 3 of 5 stages are finished and kept." in errors
    assert errors.endswith("Run `hone run --until r2` to resume.\n")
    assert ended(stage)
    Path("go").touch()
    resumed = run()
    assert "train@r1" not in resumed.stderr
    assert resumed.stdout.endswith(VERDICT)


def test_a_killed_run_goes_on_and_its_stage_is_ended(workspace: Path):
    """The stage survives the kill: it has a process group of its own."""
    made(workspace, RISING, work=WAITS)
    with started(command("run")) as process:
        stage = wait_for(Path("pid"))
        process.kill()
        process.wait()
        assert Path(f"/proc/{stage}").exists()
        assert progress.read_run() is None
        assert progress.read_last_run() is not None
        done = run("--until", "resolve")
        assert ended(stage)
    assert done.returncode == 0, done.stderr
    done = run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(VERDICT)
    assert "train@r1" not in done.stderr


def test_two_runs_in_one_folder(workspace: Path):
    made(workspace, RISING, work=WAITS)
    with started(command("run")) as first:
        stage = wait_for(Path("pid"))
        second = run()
        assert second.returncode == 1
        assert "`hone run` runs in this folder" in second.stderr
        assert not ended_now(stage)
        Path("go").touch()
        assert first.wait(60) == 0


def test_dvc_in_another_terminal_is_left_alone(workspace: Path):
    made(workspace, RISING, work=WAITS)
    with started([sys.executable, "-m", "dvc", "repro"]) as other:
        stage = wait_for(Path("pid"))
        done = run()
        assert done.returncode == 1
        assert "DVC runs in this folder" in done.stderr
        status = hone("status", capture_output=True, text=True)
        assert "Next: unknown while DVC runs." in status.stdout
        assert not ended_now(stage)
        Path("go").touch()
        assert other.wait(60) == 0


def ended_now(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def test_params_that_change_during_the_run(workspace: Path):
    made(workspace, RISING, work="echo '# edited' >> params.yaml")
    done = run()
    assert done.returncode == 0, done.stderr
    assert "Run `hone run` again to use the change." in done.stderr


def test_time_left_comes_from_earlier_runs_only(workspace: Path):
    made(workspace, RISING)
    assert " left)" not in run().stderr
    for stage in ("resolve", "train@r2", "evaluate@r2-made-up", "report"):
        durations.record(stage, 60.0)
    Path("inputs/r2").write_text("0.7\n")
    again = run().stderr
    assert "[4/8] train@r2 (about 3 min left)" in again
    assert "report (about 60 s left)" in again
