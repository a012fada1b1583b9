"""The graph as DVC has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from flows import early_stop
from hone.config import params
from hone.files import write_json
from hone.pipeline import graph as dvc
from hone.pipeline.graph import select_stages
from tests.conftest import PROJECT
from tests.flows.project import made
from tests.prepared import COLLECTION, write_params


def test_the_graph_of_a_project(workspace: Path):
    made(workspace, {"r0": 0.4, "r1": 0.5, "r2": 0.6})
    stages = dvc.graph()
    names = [stage.name for stage in stages]
    needs = {stage.name: stage.needs for stage in stages}
    assert needs["train@r2"] == ("resolve", "train@r1")
    assert needs["report"] == (
        "evaluate-reference@r0-made-up",
        "evaluate@r1-made-up",
        "evaluate@r2-made-up",
    )
    assert all(
        names.index(before) < names.index(stage.name) for stage in stages for before in stage.needs
    )
    train = next(stage for stage in stages if stage.name == "train@r2")
    assert train.reads == ("models/r1", "resolved/r2")
    assert train.makes == ("models/r2",)
    assert dvc.out_of_date() == set(names)
    assert [stage.name for stage in select_stages(stages, "start")] == ["resolve", "start"]


def test_the_graph_of_this_project(monkeypatch):
    """`foreach` and `matrix` over the dict of rounds give the addresses that flows and
    `hone plan` rely on.
    """
    monkeypatch.chdir(PROJECT)
    names = {stage.name for stage in dvc.graph()}
    assert {
        "resolve",
        "collect@python-api",
        "generate@python-api",
        "train@r3",
        "evaluate@r3-python-api",
        "evaluate-reference@r0-python-api",
        "report",
    } <= names


def test_the_output_of_dvc_is_classified_correctly():
    assert dvc.classify_output("Running stage 'a':\n> true\n") == "Completed"
    assert (
        dvc.classify_output("Stage 'a' is cached - skipping run, checking out outputs\n")
        == "Restored"
    )
    assert (
        dvc.classify_output(
            "Stage 'a' didn't change, skipping\nData and pipelines are up to date.\n"
        )
        == "Unchanged"
    )


def test_no_module_here_hides_a_package():
    """Prefect's worker puts the folder of the flow's file before everything else on the path."""
    from importlib.util import find_spec

    names = [file.stem for file in (PROJECT / "flows").glob("*.py") if file.stem != "__init__"]
    assert names
    assert [name for name in names if find_spec(name) is not None] == []


def test_scores_in_prefects_table_are_numbers_or_nothing(workspace: Path, monkeypatch):
    from flows import artifacts

    write_json(
        Path("reports/metrics/r1/theirs.json"),
        {"ndcg_at_10": 0.51239, "gap": None, "mteb": {"map_at_1000": 0.25}, "dev": {}},
    )
    given = SimpleNamespace(compare_with=[], rounds={"r1": None}, evaluate_on=["theirs"])
    [row] = artifacts.score_rows(given)
    assert row == {
        "round": "r1",
        "collection": "theirs",
        "ndcg_at_10": 0.5124,
        "gap": None,
        "mteb map_at_1000": 0.25,
        "dev ndcg_at_10": None,
    }


def test_suites_for_one_ability_end_no_loop(workspace: Path):
    collections = {
        "ours": COLLECTION | {"path": "inputs"},
        "suite": COLLECTION | {"path": "inputs", "ability": "negation"},
    }
    write_params(collections=collections, train_on=["ours"], evaluate_on=["ours", "suite"])
    for name, ours, suite in (("r0", 0.5, 0.0), ("r1", 0.5, 1.0)):
        for collection, value in (("ours", ours), ("suite", suite)):
            write_json(
                Path(f"reports/metrics/{name}/{collection}.json"), {"dev": {"ndcg_at_10": value}}
            )
    given = params.read()
    assert early_stop.gain("r1", given).value == 0
    assert early_stop.evaluations_of("r1", given) == ["evaluate@r1-ours"]


def test_a_suite_is_known_by_its_source_too(workspace: Path):
    collections = {
        "ours": COLLECTION | {"path": "inputs"},
        "pairs": {"source": "negation", "path": "requirements.txt"},
    }
    write_params(collections=collections, train_on=["ours"], evaluate_on=["ours", "pairs"])
    assert early_stop.deciding_collections(params.read()) == ["ours"]


def test_a_flow_loads_no_library_that_takes_ctrl_c_from_it():
    """With polars in its process a flow that waits for its stages was not ended by SIGINT."""
    code = (
        "import sys, flows.loop, flows.study as study, flows.early_stop as stop; from hone.config "
        "import params;"
        "given = params.read(); stop.deciding_collections(given); stop.evaluations_of('r1', "
        "given); study.parse_question(['top-k', 'ance'], {});"
        "print('polars' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    assert done.stdout == "False\n"
