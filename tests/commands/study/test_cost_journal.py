"""What the stages of a trial cost outlasts a run that fails, with DVC itself on stages of the
shell.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from commands.study.cost_journal import Journal
from commands.study.run_trial import TrialFailed, run
from hone.pipeline import graph as dvc

# `first` notes what a stage of Hone's would; `second` does so too, and fails until the file that it
# is told of is there.
STAGES = r"""
stages:
  first:
    cmd: note 5 && echo 1 > first
    deps: [note]
    outs: [first]
  second:
    cmd: note 7 && test -e MENDED && cp first second
    deps: [first]
    outs: [second]
"""
NOTE = """#!/bin/sh
echo "{\\"stage\\": \\"$DVC_STAGE\\", \\"space\\": \\"m\\", \\"chunk\\": \\"c$1\\", \\"asked\\": $1}" >> "$HONE_COUNT_ENCODING"
echo "{\\"stage\\": \\"$DVC_STAGE\\", \\"encoded\\": $1, \\"seconds\\": 2.0}" >> "$HONE_COUNT_ENCODING"
"""  # noqa: E501


def test_a_trial_that_failed_once_keeps_what_its_stages_cost(workspace: Path, hone_home: Path):
    mended = hone_home / "mended"
    Path("note").write_text(NOTE)
    Path("note").chmod(0o755)
    Path("dvc.yaml").write_text(STAGES.replace("note ", "./note ").replace("MENDED", str(mended)))
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (
        ["git", "init", "--quiet"],
        [sys.executable, "-m", "dvc", "init", "--quiet"],
        ["git", "add", "--all"],
        ["git", *identity, "commit", "--quiet", "-m", "stages"],
    ):
        subprocess.run(command, check=True)
    trial, journal = (
        SimpleNamespace(name="a, seed 1", targets=["second"], command=None),
        Journal("address"),
    )
    with dvc.Runner() as runner, pytest.raises(TrialFailed, match="failed to reproduce 'second'"):
        run(trial, Path.cwd(), runner, journal, lambda line: None)
    assert set(journal.read()) == {"first"}  # what the stage that failed took is not what it takes
    mended.touch()
    said: list[str] = []
    with dvc.Runner() as runner:
        run(trial, Path.cwd(), runner, journal, said.append)
    assert not [line for line in said if line.startswith("Running stage 'first'")]
    costs = journal.read()
    assert {stage: (cost["wanted"], cost["encoded"]) for stage, cost in costs.items()} == {
        "first": ({"m/c5": 5}, 5),
        "second": ({"m/c7": 7}, 7),
    }
    assert all(cost["seconds"] >= 0 for cost in costs.values())
    journal.remove()
    assert not list((hone_home / "studies").glob("*.jsonl"))


def test_the_last_run_counts_and_a_line_that_was_cut_off_does_not(hone_home: Path):
    journal = Journal("address")
    assert journal.read() == {}
    journal.write("train@r1", {"seconds": 4.0})
    with journal.file.open("a") as file:
        file.write('{"stage": "score@r1", "sec')
    journal.write("train@r1", {"seconds": 3.0})
    assert journal.read() == {"train@r1": {"seconds": 3.0}}
