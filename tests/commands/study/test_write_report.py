"""What a study leaves below reports/studies/, beside what MLflow is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from commands.study.results import results
from commands.study.trial_results import Kept
from commands.study.write_report import published
from hone.config.params import Params
from tests.commands.study.made_up import question
from tests.commands.study.test_results import facts_of_round, stage, trial
from tests.prepared import COLLECTION, ROUNDS


def test_the_times_of_stages_are_written_and_the_page_names_the_file(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for command in (
        ["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"],
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "nothing yet"],
    ):  # fmt: skip
        subprocess.run(command, check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    made = trial(1, [0.1] * 6, {"r1": facts_of_round()}, {"train@r1": stage(True, 34.25)})
    by_arm = {"ance": [Kept(made.values, made.facts | {"commit": commit, "experiment": "study-ance"})]}
    given = Params(collections={"ours": COLLECTION}, train_on=["ours"], evaluate_on=["ours"], rounds=ROUNDS)
    asked, folder = question("ance"), Path("reports/studies/one")
    published(
        folder, "one", asked, [(results(asked, by_arm, "ours"), ["Said."])], by_arm, given, differs={}, left=[], command="hone study ance"
    )
    assert pl.read_parquet(folder / "times.parquet").select("arm", "stage", "seconds").rows() == [("ance", "train@r1", 34.25)]
    assert f"{folder}/times.parquet" in (folder / "index.html").read_text()
    written = (folder / "study.md").read_text()
    assert "- Said." in written
    assert "## What this can and cannot say" in written
    assert "another collection or model may put the arms in another order" in written
    assert "    hone study ance" in written
