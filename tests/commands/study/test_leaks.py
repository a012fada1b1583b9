"""What a trial's experiment says of leakage, read from its commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import polars as pl
import pytest

from commands.study.leaks import leaks_of
from commands.study.trial_results import Kept
from hone.files import write_json

ACCOUNT = {"looked_at": {side: {"asked": 4, "query": 3, "positive": 3} for side in ("comparable", "compared")}, "examples": []}


def part(queries: int, leaked: int) -> dict:
    return {"queries": queries, "compared": queries, "leaked": leaked, "share": leaked / queries if queries else None}


@pytest.fixture
def commit(workspace: Path) -> str:
    """Of an experiment: `ours` leaks one of four test queries, `theirs` nothing."""
    for name, leaked in (("ours", 1), ("theirs", 0)):
        account = ACCOUNT | {"collection": name, "splits": {"test": part(4, leaked), "dev": part(0, 0)}}
        write_json(Path(f"reports/leakage/{name}.json"), account)
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"], ["git", "add", "--all"]):
        subprocess.run(command, check=True)
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "trial"], check=True)
    found = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    for file in Path("reports/leakage").iterdir():
        file.unlink()  # what lies in the folder now is not what the trial saw
    return found


def trial(commit: str) -> Kept:
    return Kept(pl.DataFrame(), {"commit": commit, "experiment": "study-ance-s1"})


def test_what_leaks_is_told_and_what_does_not_is_not(commit: str):
    [said] = leaks_of(trial(commit), ["ours", "theirs"])
    assert said == (
        "Leakage on ours: training data contains 1 of 4 test queries (25.0 %), verbatim or nearly. Its score partly reflects memorization."
    )


def test_an_experiment_that_was_removed(commit: str):
    [said] = leaks_of(trial("0" * 40), ["ours"])
    assert said == "Leakage on ours is not known any more: the experiment study-ance-s1 was removed."
