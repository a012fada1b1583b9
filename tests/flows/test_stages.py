"""The graph as DVC has it."""

from __future__ import annotations

from pathlib import Path

from flows import stages as dvc
from flows.loop import wanted
from tests.flows.project import made


def test_the_graph_of_a_project(workspace: Path):
    made(workspace, {"r0": 0.4, "r1": 0.5, "r2": 0.6})
    stages = dvc.graph()
    names = [stage.name for stage in stages]
    needs = {stage.name: stage.needs for stage in stages}
    assert needs["train@r2"] == ("resolve", "train@r1")
    assert needs["report"] == ("evaluate-reference@r0-made-up", "evaluate@r1-made-up", "evaluate@r2-made-up")
    assert all(names.index(before) < names.index(stage.name) for stage in stages for before in stage.needs)
    train = next(stage for stage in stages if stage.name == "train@r2")
    assert train.reads == ("models/r1", "resolved/r2")
    assert train.makes == ("models/r2",)
    assert dvc.out_of_date() == set(names)
    assert [stage.name for stage in wanted(stages, "start")] == ["resolve", "start"]


def test_the_graph_of_this_project(monkeypatch):
    """`foreach` and `matrix` over the dict of rounds give the addresses that flows and `hone plan` rely on."""
    monkeypatch.chdir(Path(__file__).parent.parent.parent)
    names = {stage.name for stage in dvc.graph()}
    assert {"resolve", "collect@python-api", "train@r3", "evaluate@r3-python-api", "evaluate-reference@r0-python-api", "report"} <= names


def test_what_dvc_says_is_told_truthfully():
    assert dvc.told("Running stage 'a':\n> true\n") == "Completed"
    assert dvc.told("Stage 'a' is cached - skipping run, checking out outputs\n") == "Restored"
    assert dvc.told("Stage 'a' didn't change, skipping\nData and pipelines are up to date.\n") == "Unchanged"


def test_no_module_here_hides_a_package():
    """Prefect's worker puts the folder of the flow's file before everything else on the path."""
    from importlib.util import find_spec

    names = [file.stem for file in (Path(__file__).parent.parent.parent / "flows").glob("*.py") if file.stem != "__init__"]
    assert names
    assert [name for name in names if find_spec(name) is not None] == []
