"""MLflow: real runs in a real database in HONE_HOME."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from hone.data import tables
from hone.errors import Refused
from hone.files import read_json, write_json
from hone.ir.measures import NAMES
from hone.present.mlflow_client import open_client
from hone.stage import call
from tasks.report import mlflow_loop, mlflow_rounds
from tests.report.made_up import ROUNDS, TEST, write_all, write_scores
from tests.templates import template

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

SECTIONS = {
    "sample": {"choose": {"top": {"n": 4}}},
    "train": {"losses": [{"method": "infonce"}], "negatives": 1},
}
MADE = {name: {"round": name, **item, **SECTIONS} for name, item in ROUNDS.items()}
LOOP = {"train_on": ["made-up"], "model": {"name": "a model", "max_length": 96}, "seed": 13}
LOCK = """
stages:
  start: {outs: [{path: models/r0, md5: 110.dir}, {path: rounds/r0, md5: 220.dir}]}
  train@r1: {outs: [{path: models/r1, md5: 111.dir}, {path: rounds/r1/trained.parquet, md5: '333'}]}
  relabel@r1: {outs: [{path: rounds/r1/labels.parquet, md5: '222'}]}
  train@r2: {outs: [{path: models/r2, md5: 112.dir}]}
  relabel@r2: {outs: [{path: rounds/r2/labels.parquet, md5: '223'}]}
  train@r3: {outs: [{path: models/r3, md5: 113.dir}]}
  relabel@r3: {outs: [{path: rounds/r3/labels.parquet, md5: '224'}]}
"""


@pytest.fixture
def loop(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything that the stages read."""
    for name in ("MLFLOW_TRACKING_URI", mlflow_rounds.PREFECT_RUN):
        monkeypatch.delenv(name, raising=False)
    write_loop()
    return workspace


def write_loop() -> None:
    write_all()
    Path("dvc.lock").write_text(LOCK)
    settings()


@pytest.fixture
def opened(loop: Path, hone_home: Path) -> Path:
    """The same, with an empty MLflow database. MLflow takes seconds to create one, so it is
    created once and copied.
    """
    shutil.copy(template(database, "mlflow") / "mlflow.db", hone_home)
    return loop


def database(home: Path) -> None:
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HONE_HOME", str(home))
        with open_client():
            pass


def settings(*names: str, made: dict[str, dict] = MADE, loop: dict = LOOP) -> None:
    """What `resolve` writes for these rounds; all of them when none is named."""
    rounds, common = (
        {name: made[name] for name in names or made},
        {"evaluate_on": ["made-up"], "measures": list(NAMES)},
    )
    write_json(Path("resolved/open.json"), {"loop": loop, "rounds": list(rounds.values())})
    for place, name in enumerate(rounds, start=1):
        write_json(
            Path(f"resolved/track/{name}.json"), common | {"made": made[name], "position": place}
        )
    for name, place in (("r0", 0), ("bm25", None)):
        write_json(Path(f"resolved/track/{name}.json"), common | {"made": None, "position": place})


def client() -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{os.environ['HONE_HOME']}/mlflow.db")


def runs() -> tuple[list[Run], dict[str, Run]]:
    """The parents, and the children of the last by their round."""
    found = client().search_runs([one.experiment_id for one in client().search_experiments()])
    parents = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
    latest = [
        run
        for run in found
        if run.data.tags.get("hone.loop") == read_json(Path("reports/mlflow/loop.json"))["loop"]
    ]
    children = [run for run in latest if "mlflow.parentRunId" in run.data.tags]
    assert len({run.info.run_name for run in children}) == len(children)
    return parents, {run.info.run_name: run for run in children}


def points(run: Run, key: str) -> list[tuple[int, float]]:
    return sorted(
        (point.step, point.value) for point in client().get_metric_history(run.info.run_id, key)
    )


def test_a_loop_and_its_rounds(loop: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(mlflow_rounds.PREFECT_RUN, "flow-7")
    call(mlflow_loop.main)
    for name in ("r1", "r0", "bm25"):
        call(mlflow_rounds.main, round=name)
    [parent], children = runs()
    assert set(children) == {"r1", "r0", "bm25"}
    r1 = children["r1"]
    assert r1.data.tags["mlflow.parentRunId"] == parent.info.run_id
    tags = {
        "hone.round": "r1",
        "hone.recipe": "warm-up",
        "hone.from": "r0",
        "dvc.model": "111.dir",
        "dvc.labels": "222",
    }
    assert tags.items() <= r1.data.tags.items()
    assert r1.data.tags["prefect.flow_run_id"] == "flow-7"
    assert r1.data.params["train.losses.0.method"] == "infonce"
    assert r1.data.params["sample.choose.top.n"] == "4"
    assert r1.info.status == parent.info.status == "FINISHED"
    # Test means of r1 are (0.5 + 0.5 + 0.5 + 1) / 4, dev (0.4 + 0.4) / 2; its losses are 1 and 2.
    assert r1.data.metrics["made-up.ndcg_at_10"] == 0.625
    assert r1.data.metrics["made-up.dev.ndcg_at_10"] == 0.4
    assert "made-up.recall_at_100" in r1.data.metrics
    assert points(r1, "loss") == [(1, 1.0), (2, 2.0)]
    # The parent's line: r0 at 0, r1 at 1; bm25 is no step of it.
    assert points(parent, "made-up.ndcg_at_10") == [(0, 0.5), (1, 0.625)]
    assert "loss" not in children["r0"].data.metrics
    assert read_json(Path("reports/mlflow/r1.json"))["loop"] == parent.data.tags["hone.loop"]


def test_what_is_not_known_is_left_out(opened: Path):
    Path("dvc.lock").unlink()
    call(mlflow_loop.main)
    call(mlflow_rounds.main, round="r1")
    _, children = runs()
    assert not {"dvc.model", "dvc.labels", "prefect.flow_run_id", "mlflow.source.git.commit"} & set(
        children["r1"].data.tags
    )


def test_nothing_is_logged_twice(opened: Path):
    for _ in range(2):
        call(mlflow_loop.main)
        for name in ("r1", "r2"):
            call(mlflow_rounds.main, round=name)
    [parent], children = runs()
    assert set(children) == {"r1", "r2"}
    assert points(children["r1"], "loss") == [(1, 1.0), (2, 2.0)]
    assert points(parent, "made-up.ndcg_at_10") == [(1, 0.625), (2, 0.75)]


def test_undefined_values_are_left_out_and_named_however_often_they_are_logged(opened: Path):
    """A loss that became NaN at step 2, and a measure without a value: MLflow's database fails
    at the second NaN of a step.
    """
    trained = tables.read("trained", Path("rounds/r1/trained.parquet"))
    spoilt = trained.with_columns(
        loss=pl.when(pl.col("step") == 2).then(float("nan")).otherwise("loss").cast(pl.Float32)
    )
    tables.write("trained", spoilt, Path("rounds/r1/trained.parquet"))
    scores = Path("reports/metrics/r1/made-up.json")
    write_json(scores, read_json(scores) | {"recall_at_100": float("nan")})
    for _ in range(2):
        call(mlflow_loop.main)
        call(mlflow_rounds.main, round="r1")
        Path("reports/mlflow/r1.json").unlink()
    [parent], children = runs()
    assert points(children["r1"], "loss") == [(1, 1.0)]
    assert children["r1"].data.tags["hone.undefined"] == "loss, made-up.recall_at_100"
    assert parent.data.tags["hone.undefined"] == "made-up.recall_at_100"
    assert "made-up.recall_at_100" not in children["r1"].data.metrics
    assert points(parent, "made-up.ndcg_at_10") == [(1, 0.625)]
    assert children["r1"].info.status == parent.info.status == "FINISHED"


def test_another_result_of_a_round_takes_the_place_of_its_run(opened: Path):
    call(mlflow_loop.main)
    call(mlflow_rounds.main, round="r1")
    first = runs()[1]["r1"].info.run_id
    write_scores("r1", "made-up", [1.0] * 4, None)
    call(mlflow_rounds.main, round="r1")
    [_], children = runs()
    assert children["r1"].info.run_id != first
    assert children["r1"].data.metrics["made-up.ndcg_at_10"] == 1.0
    assert client().get_run(first).info.lifecycle_stage == "deleted"


def test_a_run_that_was_broken_off_is_replaced(opened: Path, monkeypatch: pytest.MonkeyPatch):
    call(mlflow_loop.main)
    with monkeypatch.context() as patched:
        patched.setattr(mlflow_rounds, "read_commit", lambda: 1 / 0)  # between metrics and the end
        with pytest.raises(ZeroDivisionError):
            call(mlflow_rounds.main, round="r1")
    call(mlflow_rounds.main, round="r1")
    _, children = runs()
    assert (children["r1"].info.status, points(children["r1"], "loss")) == (
        "FINISHED",
        [(1, 1.0), (2, 2.0)],
    )


def test_one_more_round_and_one_less_are_the_same_loop(opened: Path):
    addresses = []
    for names in (("r1", "r2"), ("r1", "r2", "r3"), ("r1",), ("r1", "r2", "r3")):
        settings(*names)
        call(mlflow_loop.main)
        addresses.append(read_json(Path("reports/mlflow/loop.json")))
    assert addresses == addresses[:1] * 4
    assert len(runs()[0]) == 1


def test_a_round_that_does_something_else_makes_another_loop_and_the_return_finds_the_first(
    opened: Path,
):
    call(mlflow_loop.main)
    first = read_json(Path("reports/mlflow/loop.json"))
    changed = MADE | {"r2": MADE["r2"] | {"recipe": "other"}}
    settings(made=changed)
    call(mlflow_loop.main)
    assert read_json(Path("reports/mlflow/loop.json"))["loop"] != first["loop"]
    # The first loop's longer list must not be found by the second's beginning.
    settings("r1", "r2", made=changed)
    call(mlflow_loop.main)
    assert len(runs()[0]) == 2
    settings()
    call(mlflow_loop.main)
    assert read_json(Path("reports/mlflow/loop.json")) == first


@pytest.mark.parametrize("what", ["data", "model", "seed"])
def test_other_data_another_model_or_seed_make_another_loop(opened: Path, what: str):
    call(mlflow_loop.main)
    if what == "data":
        listed = read_json(Path("rounds/r0/training.json"))
        write_json(
            Path("rounds/r0/training.json"),
            listed | {"collections": listed["collections"] | {"more": {}}},
        )
    else:
        settings(loop=LOOP | {what: {"name": "other"} if what == "model" else 14})
    call(mlflow_loop.main)
    assert len(runs()[0]) == 2


def test_a_database_that_is_no_longer_there_is_filled_again(
    opened: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    call(mlflow_loop.main)
    monkeypatch.setenv("HONE_HOME", str(tmp_path / "another"))
    call(mlflow_rounds.main, round="r1")
    [parent], children = runs()
    assert parent.info.run_name == read_json(Path("reports/mlflow/loop.json"))["name"]
    assert set(children) == {"r1"}
    call(mlflow_loop.main)
    assert len(runs()[0]) == 1


def test_several_at_once_on_no_database(
    opened: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """orchestration.md: of six processes that began on no database, five crashed."""
    call(mlflow_loop.main)
    monkeypatch.setenv("HONE_HOME", str(tmp_path / "another"))
    names = ["r1", "r2", "r3", "r0"]
    processes = [
        multiprocessing.get_context("spawn").Process(
            target=call, args=(mlflow_rounds.main,), kwargs={"round": name}
        )
        for name in names
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    [parent], children = runs()
    assert set(children) == set(names)
    # r0 .. r3 on test: 0.5, 0.625, 0.75 and 0.875.
    assert points(parent, "made-up.ndcg_at_10") == [
        (place, sum(TEST[f"r{place}"]) / 4) for place in range(4)
    ]


def test_nothing_is_written_into_the_folder_of_the_project(loop: Path):
    before = set(loop.iterdir())
    call(mlflow_loop.main)
    call(mlflow_rounds.main, round="r1")
    assert set(loop.iterdir()) == before
    assert json.loads(Path("reports/mlflow/r1.json").read_text())["round"] == "r1"
    assert str(loop) not in Path("reports/mlflow/r1.json").read_text()


def test_a_tracking_server_of_ones_own(loop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/own.db")
    call(mlflow_loop.main)
    assert (tmp_path / "own.db").exists()
    assert not Path(os.environ["HONE_HOME"], "mlflow.db").exists()


def test_a_server_that_cannot_be_used_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://me:hunter2%21@host/runs?token=of-mine")
    with pytest.raises(Refused, match="MLflow cannot be used") as refusal, open_client():
        raise AssertionError("such a server was taken")
    assert "hunter2" not in str(refusal.value)
    assert "of-mine" not in str(refusal.value)
    assert "me:" not in str(refusal.value)


def test_measures_of_one_ability_are_logged_where_there_is_something_to_measure():
    scores = {
        "pairs": {"ndcg_at_10": 0.5, "pairwise_accuracy": 0.25, "units": 4},
        "other": {"answerable_auc": None},
    }
    assert mlflow_rounds.measures_of(
        scores, ["ndcg_at_10", "pairwise_accuracy", "answerable_auc"]
    ) == {
        "pairs.ndcg_at_10": 0.5,
        "pairs.pairwise_accuracy": 0.25,
    }
