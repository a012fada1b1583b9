"""A study in MLflow: real runs in a real database in HONE_HOME."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hone.present import mlflow_study
from hone.present.mlflow_study import Child, log
from tests.report.test_mlflow_rounds import client, points

if TYPE_CHECKING:
    from mlflow.entities import Run

ASKS = {
    "question": "does difficulty help?",
    "arms": {"ance": {"recipe": "ance"}},
    "rounds": 2,
    "model": {"name": "a model"},
}
R1 = Child(
    "ance",
    "r1",
    1,
    {"recipe": "ance", "steps": 4.0},
    {"made-up.ndcg_at_10": 0.5, "seconds": 60.0},
    {"made-up.ndcg_at_10.by_seed": {1: 0.4, 2: 0.6}},
    {1: "abc", 2: "def"},
)
R2 = replace(R1, round="r2", place=2, metrics={"made-up.ndcg_at_10": 0.7})


@pytest.fixture(autouse=True)
def empty(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def runs() -> tuple[list[Run], dict[str, Run]]:
    """The studies, and all children by name, of which none is there twice."""
    found = client().search_runs([one.experiment_id for one in client().search_experiments()])
    children = [run for run in found if "mlflow.parentRunId" in run.data.tags]
    assert len(
        {(run.data.tags["mlflow.parentRunId"], run.info.run_name) for run in children}
    ) == len(children)
    return [run for run in found if run not in children], {
        run.info.run_name: run for run in children
    }


def test_a_study_and_its_arms():
    assert log("harder", ASKS, [R1, R2], {"made-up.ance - top-k": 0.1}, 2) == 2
    [parent], children = runs()
    assert set(children) == {"ance r1", "ance r2"}
    r1 = children["ance r1"]
    assert r1.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert {
        "hone.study": "harder",
        "hone.experiment.1": "abc",
        "hone.experiment.2": "def",
    }.items() <= r1.data.tags.items()
    assert {"recipe": "ance", "steps": "4.0"}.items() <= r1.data.params.items()
    assert points(r1, "made-up.ndcg_at_10") == [(1, 0.5)]
    assert points(children["ance r2"], "made-up.ndcg_at_10") == [(2, 0.7)]
    assert points(r1, "made-up.ndcg_at_10.by_seed") == [(1, 0.4), (2, 0.6)]
    assert r1.info.status == parent.info.status == "FINISHED"
    assert parent.data.params["question"] == "does difficulty help?"
    assert parent.data.params["arms.ance.recipe"] == "ance"
    assert points(parent, "made-up.ance - top-k") == [(2, 0.1)]


def test_nothing_is_logged_twice():
    for new in (2, 0):
        assert log("harder", ASKS, [R1, R2], {"made-up.ance - top-k": 0.1}, 2) == new
    [parent], children = runs()
    assert points(children["ance r1"], "made-up.ndcg_at_10.by_seed") == [(1, 0.4), (2, 0.6)]
    assert points(parent, "made-up.ance - top-k") == [(2, 0.1)]


def test_more_seeds_take_the_place_of_a_child_and_stay_in_the_study():
    log("harder", ASKS, [R1, R2], {"made-up.ance - top-k": 0.1}, 2)
    first = runs()[1]
    more = replace(
        R1,
        by_seed={"made-up.ndcg_at_10.by_seed": {1: 0.4, 2: 0.6, 3: 0.5}},
        experiments=R1.experiments | {3: "ghi"},
    )
    assert log("harder", ASKS, [more, R2], {"made-up.ance - top-k": 0.2}, 3) == 1
    [parent], children = runs()
    assert children["ance r2"].info.run_id == first["ance r2"].info.run_id
    assert client().get_run(first["ance r1"].info.run_id).info.lifecycle_stage == "deleted"
    assert points(children["ance r1"], "made-up.ndcg_at_10.by_seed") == [
        (1, 0.4),
        (2, 0.6),
        (3, 0.5),
    ]
    assert points(parent, "made-up.ance - top-k") == [(2, 0.1), (3, 0.2)]


def test_a_child_that_was_broken_off_is_replaced(monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patched:
        patched.setattr(mlflow_study, "read_commit", lambda: 1 / 0)  # between metrics and the end
        with pytest.raises(ZeroDivisionError):
            log("harder", ASKS, [R1], {}, 2)
    assert log("harder", ASKS, [R1], {}, 2) == 1
    [_], children = runs()
    assert (children["ance r1"].info.status, points(children["ance r1"], "seconds")) == (
        "FINISHED",
        [(1, 60.0)],
    )


def test_another_question_is_another_study():
    log("harder", ASKS, [R1], {}, 2)
    log("harder", ASKS | {"rounds": 3}, [R1], {}, 2)
    log("softer", ASKS, [R1], {}, 2)
    assert len(runs()[0]) == 3
