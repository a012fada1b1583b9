"""What a study leaves below reports/studies/, beside what MLflow is told."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from commands.study.results import results
from commands.study.text import OLDER_COLUMNS, OLDER_SENTENCE
from commands.study.trial_results import TrialResult
from commands.study.write_report import write_report
from hone.config.params import Params
from tests.commands.study.made_up import question
from tests.commands.study.test_leaks import ACCOUNT, part
from tests.commands.study.test_results import facts_of_round, stage, trial
from tests.prepared import COLLECTION, ROUNDS

LEAKAGE = ACCOUNT | {"collection": "ours", "splits": {"test": part(4, 0), "dev": part(0, 0)}}
FINGERPRINTS = {"settings": "s", "data": "d", "code": "c"}
OLDER = [("ance, seed 2", "ours", "0.123", "abcdef12", "2026-11-30T22:57:13+00:00")]


def test_the_times_of_stages_are_written_and_the_page_names_the_file(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    made = trial(1, [0.1] * 6, {"r1": facts_of_round()}, {"train@r1": stage(True, 34.25)})
    by_arm = {
        "ance": [
            TrialResult(
                made.values,
                made.facts | {"fingerprints": FINGERPRINTS, "leakage": {"ours": LEAKAGE}},
            )
        ]
    }
    given = Params(
        collections={"ours": COLLECTION}, train_on=["ours"], evaluate_on=["ours"], rounds=ROUNDS
    )
    asked, folder = question("ance"), Path("reports/studies/one")
    write_report(
        folder,
        "one",
        asked,
        [(results(asked, by_arm, "ours"), ["Said."])],
        by_arm,
        given,
        differs={},
        left=[],
        command="hone study ance",
        older=OLDER,
    )
    assert pl.read_parquet(folder / "times.parquet").select("arm", "stage", "seconds").rows() == [
        ("ance", "train@r1", 34.25)
    ]
    assert f"{folder}/times.parquet" in (folder / "index.html").read_text()
    written = (folder / "study.md").read_text()
    assert "- Said." in written
    assert "## Scope and limits" in written
    assert "another collection or model may rank the arms differently" in written
    assert "    hone study ance" in written
    for page in (written, (folder / "index.html").read_text()):
        assert "Results from older code" in page
        assert OLDER_SENTENCE.partition(".")[0] in page
        assert all(word in page.replace("\\", "") for word in (*OLDER_COLUMNS, *OLDER[0]))
