"""What `hone compare` takes: rounds of this checkout and runs in MLflow, which have the same
queries and no texts.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from commands.compare.command import compare
from hone.config import params
from hone.errors import Refused
from hone.stage import call
from tasks.report.mlflow_loop import main as open_loop
from tasks.report.mlflow_rounds import main as track
from tests.prepared import COLLECTION, write_params
from tests.report.made_up import evaluated_on
from tests.report.test_mlflow_rounds import loop, opened, runs, settings, write_loop

__all__ = ["loop", "opened"]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, str]]:
    """A checkout whose rounds r1 and r2 are logged in MLflow, its HONE_HOME, and the ids of the
    runs and of their loop.
    """
    checkout, home = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(checkout)
        patch.setenv("HONE_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        write_loop()
        for name in ("r1", "r2"):
            evaluated_on(name)
        return checkout, home, log()


@pytest.fixture
def logged(
    workspace: Path, once: tuple[Path, Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The ids of the runs of r1 and r2 and of their loop. Each test has its own copy of the
    checkout; MLflow is only read.
    """
    checkout, home, ids = once
    shutil.copytree(checkout, ".", dirs_exist_ok=True)
    monkeypatch.setenv("HONE_HOME", str(home))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return ids


def log() -> dict[str, str]:
    settings("r1", "r2")
    call(open_loop)
    for name in ("r1", "r2"):
        call(track, round=name)
    [parent], children = runs()
    write_params(collections={"made-up": COLLECTION}, train_on=["made-up"], evaluate_on=["made-up"])
    return {"loop": parent.info.run_id} | {
        name: children[name].info.run_id for name in ("r1", "r2")
    }


def difference(message: str) -> str:
    return re.search(r"nDCG@10 \S+ to \S+, \S+ ", message)[0]


def test_runs_say_what_their_rounds_say(logged: dict[str, str], capsys: pytest.CaptureFixture[str]):
    compare("r1", "r2")
    here = capsys.readouterr().out
    for one, other in (
        (logged["r1"], logged["r2"][:8]),
        (logged["r1"], "r2"),
        ("r1", logged["r2"]),
    ):
        compare(one, other)
        output = capsys.readouterr().out
        assert difference(output) == difference(here)
        assert "rankings are not kept in MLflow" in output
        assert "not known" not in output
        assert "test query 4" in output  # the queries of this checkout are those of the runs
    assert f"r2 of run {logged['r2'][:8]}" in output


def test_runs_are_there_when_the_checkout_is_not(
    logged: dict[str, str], capsys: pytest.CaptureFixture[str]
):
    for folder in ("reports", "data", "rounds"):
        shutil.rmtree(folder)
    compare(logged["r1"], logged["r2"])
    assert "t4" in capsys.readouterr().out  # which got worse, by its id: its text is not in MLflow


def test_a_run_on_other_labels_is_refused(logged: dict[str, str]):
    evaluated_on("r2", **{"test/qrels.parquet": "another"})
    with pytest.raises(
        Refused,
        match=r"were not evaluated on the same made-up, .* These files differ: "
        r"'test/qrels\.parquet'",
    ):
        compare(logged["r1"], "r2")


def test_texts_are_omitted_for_a_run_without_recorded_queries(
    opened: Path, capsys: pytest.CaptureFixture[str]
):
    runs = log()
    compare(runs["r1"], runs["r2"])
    output = capsys.readouterr().out
    assert (
        "It is not known whether both were evaluated on the same documents and labels of made-up"
        in output
    )
    assert "test query" not in output
    assert "\nt4 " in output


def test_what_is_no_run_with_queries(logged: dict[str, str]):
    with pytest.raises(Refused, match="It is a loop, not a round"):
        compare(logged["loop"], "r1")
    with pytest.raises(Refused, match="'abcdef' has not been evaluated, and no MLflow run"):
        compare("abcdef", "r1")
    with pytest.raises(Refused, match="'r22' has not been evaluated: did you mean 'r2'"):
        compare("r22", "r1")
    with pytest.raises(Refused, match="compared with itself"):
        compare(logged["r1"], logged["r1"][:10])
    with pytest.raises(Refused, match="--slice needs rankings"):
        compare(logged["r1"], "r2", by="overlap")
    assert params.read().seed == 13
