"""`hone status` and `hone report` in a project of shell stages: before, during and after a run."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from commands.report import read_beginning
from commands.status.command import Status, describe_results, describe_run, read_status
from commands.status.cost import Cost, sum_cost
from commands.status.rounds import choose_best
from hone.config import params
from hone.data import tables
from hone.files import write_json
from hone.layout import REPORT_PAGE, round_account, round_table
from hone.pipeline import progress
from hone.pipeline.tracker import Tracker
from hone.processes import owner
from tests.commands.run.test_run import (
    RISING,
    command,
    hone,
    run,
    running_stages,
    started,
    wait_for,
)
from tests.flows.project import made

WAITS = "test $1 = r1 || { echo $$ > pid; until test -e go; do sleep 0.1; done; }"


def read() -> dict:
    done = hone("status", "--json", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # nothing else is on standard output


def states(found: dict) -> dict[str, str]:
    return {one["name"]: one["state"] for one in found["rounds"]}


def test_the_status_before_during_and_after_a_run(workspace: Path):
    made(workspace, RISING, work=WAITS, compare_with=["r0"])
    before = read()
    assert states(before) == {"r0": "not run", "r1": "not run", "r2": "not run"}
    assert (before["best"], before["verdict"], before["run"]) == (None, None, None)
    assert len(before["outdated"]) == before["stages"] == 8
    assert before["cost"]["steps"] == 0

    with started(command("run")) as process:
        wait_for(Path("pid"))
        assert running_stages() == ["train@r2"]
        during = read()
        assert states(during) == {"r0": "unknown", "r1": "unknown", "r2": "running"}
        assert during["outdated"] is None
        assert during["run"]["command"] == "hone run"
        assert (during["run"]["done"], during["run"]["total"]) == (3, 8)
        assert list(during["run"]["running"]) == ["train@r2"]
        Path("go").touch()
        assert process.wait(60) == 0

    after = read()
    assert set(states(after).values()) == {"up to date"}
    assert after["best"] == "r2"
    assert after["verdict"] == "Ship models/r2."
    assert after["verdict_up_to_date"] is True
    assert after["outdated"] == []
    assert after["run"] is None
    assert after["rounds"][2]["dev"] == after["rounds"][2]["test"] == {"made-up": 0.6}

    Path("models/r2").unlink()
    changed = read()
    assert states(changed) == {"r0": "up to date", "r1": "up to date", "r2": "not run"}
    assert changed["verdict_up_to_date"] is False


def test_the_text_names_what_comes_next(workspace: Path):
    made(workspace, RISING, compare_with=["r0"])
    run("--until", "r1")
    done = hone("status", capture_output=True, text=True)
    assert "\nVerdict: none yet.\n" in done.stdout
    assert "best on dev" in done.stdout
    assert "Next: `hone run` brings 4 of 8 stages up to date: " in done.stdout


def test_the_report_is_not_built_but_its_age_is_shown(workspace: Path):
    made(workspace, RISING)
    missing = hone("report", capture_output=True, text=True)
    assert missing.returncode == 1
    assert "There is no report yet (reports/index.html does not exist)" in missing.stderr
    run()
    REPORT_PAGE.write_text("the page")
    text = hone("report", "--text", capture_output=True, text=True)
    assert "The report is up to date." in text.stderr
    assert text.stdout == ("Ship models/r2.\nNext: export it.\n\n## Scores\n\nA table.\n")
    Path("models/r2").unlink()
    old = hone("report", capture_output=True, text=True)
    assert "The report is out of date: 3 stages are. `hone run` refreshes it" in old.stderr
    assert old.stdout == "reports/index.html\n"


def test_a_report_without_tables(workspace: Path):
    assert read_beginning() == []


def test_the_cost_is_that_of_the_calls_of_a_round(workspace: Path):
    """Two verdicts come from one answer, and a cached answer of another run costs nothing."""
    trained = {"step": [1, 2, 7], "query_id": ["q1"] * 3, "doc_id": ["d1"] * 3}
    tables.write(
        "trained",
        tables.shaped("trained", pl.DataFrame(trained | {"role": ["negative"] * 3})),
        round_table("r1", "trained"),
    )
    rows = {
        "query_id": ["q1"] * 3,
        "doc_id": ["d1", "d2", "d3"],
        "place": [1] * 3,
        "judge": ["local"] * 3,
        "verdict": ["negative"] * 3,
        "answer": [5, 5, 4],
        "tokens_in": [100, 0, 900],
        "tokens_out": [10, 0, 90],
        "money": [0.25, 0.0, 9.0],
        "seconds": [2.0, 0.0, 9.0],
        "run": ["here 1", "here 1", "elsewhere 1"],
    }
    tables.write(
        "judgments",
        tables.shaped("judgments", pl.DataFrame(rows)),
        round_table("r1", "judgments"),
    )
    write_json(round_account("r1", "relabel"), {"run": "here", "judges": []})
    found = sum_cost(["r1", "r2"])
    assert found == Cost(rounds=1, steps=7, calls=1, tokens=110, money=0.25, seconds=2.0)
    assert found.describe() == ("7 training steps in 1 round; 1 judge call, 110 tokens, cost 0.25.")
    assert sum_cost(["r2"]).describe() == "0 training steps in 0 rounds; 0 judge calls."


def status_with(**changes: object) -> Status:
    fields = {
        "rounds": [],
        "best": None,
        "verdict": None,
        "verdict_up_to_date": None,
        "outdated": None,
        "stages": 8,
        "cost": Cost(),
        "run": None,
        "running": [],
    }
    return Status(**fields | changes)


def test_what_runs_is_described(workspace: Path):
    tracker = Tracker("hone run --until r1", ["resolve", "train@r1"])
    tracker.finish("resolve", "Unchanged")
    tracker.begin("train@r1")
    stage = progress.StageState(owner(), "train@r1", "train: steps", 40, 94, 30.0)
    assert describe_run(status_with(run=tracker.state(), running=[stage])) == [
        "Running: `hone run --until r1`, 1 of 2 stages done, train@r1",
        "train@r1: train: steps 40 of 94, 30 s left",
        "",
    ]
    assert describe_run(status_with(running=[stage]))[0] == (
        "Running: train@r1 (started without `hone run`)"
    )
    assert describe_run(status_with()) == []


@pytest.mark.parametrize(
    ("outdated", "last"),
    [
        (None, "Next: unknown while DVC runs."),
        ([], "All 8 stages are up to date."),
        (["report"], "Next: `hone run` brings 1 of 8 stages up to date: report."),
    ],
)
def test_what_comes_next(outdated: list[str] | None, last: str):
    assert describe_results(status_with(outdated=outdated))[-1] == last


def test_an_old_verdict_is_marked():
    found = status_with(verdict="Ship models/r1.", verdict_up_to_date=False, outdated=["report"])
    assert describe_results(found)[0] == "Verdict (out of date): Ship models/r1."


def test_the_best_round_is_unknown_before_one_is_evaluated(workspace: Path):
    made(workspace, RISING, compare_with=["r0"])
    write_json(Path("reports/metrics/r0/made-up.json"), {"dev": {"ndcg_at_10": 0.4}})
    found = read_status()
    assert found.best is None
    assert choose_best(params.read(), found.rounds) is None
