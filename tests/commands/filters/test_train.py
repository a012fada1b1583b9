"""`hone filters train`: real trainings of a small model, stored and resumed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from commands.filters.arms import arms
from commands.filters.measure import looked_at
from commands.filters.train import refuse_one_query, train_filters
from commands.filters.training import USER, Trial, run_of
from hone.data import tables
from hone.encoders.store import root
from hone.errors import Refused
from tests.commands.filters.mined import TEST, mined

pytest.importorskip("torch")

RULE = "rule:positive-aware"


def test_every_arm_is_trained_once_and_kept(
    workspace: Path, hone_home: Path, capsys: pytest.CaptureFixture[str]
):
    mined()
    found = train_filters("r1", [f"{RULE}:share=0.85", RULE], seeds=2)
    output = capsys.readouterr().out
    # positive-aware at .95 takes out what the oracle takes out: three of four arms differ.
    assert "6 trainings (4 arms, 3 of them different, 2 seeds)" in output
    assert "0 cached, 6 to train" in output
    assert [one.name for one in found] == ["noisy", "clean", f"{RULE}:share=0.85", RULE]
    assert found[1].mean == found[3].mean
    rows = pl.read_parquet("reports/filters/r1-ours.parquet")
    assert len(rows) == 4 * 2 * TEST
    text = Path("reports/filters/r1-ours.md").read_text()
    assert f"| {RULE} |" in text

    results = sorted((hone_home / USER).glob("*.json"))
    assert len(results) == 6
    assert not list(root().glob("*/space.json")), (
        "the vectors of models that are thrown away stay in the store"
    )
    assert not list((hone_home / USER).glob(".model*")), "a model stays"

    results[0].unlink()  # as if it had been killed before this one was done
    assert train_filters("r1", [f"{RULE}:share=0.85", RULE], seeds=2) == found
    output = capsys.readouterr().out
    assert "5 cached, 1 to train; " in output
    assert pl.read_parquet("reports/filters/r1-ours.parquet").equals(rows)

    train_filters("r1", [RULE], seeds=3)
    assert "4 cached, 2 to train" in capsys.readouterr().out


def test_the_same_draws_for_every_arm_of_a_seed(workspace: Path):
    from hone.encoders.model_folder import ModelFolder
    from tasks.train.fit import examples_of, fitted

    mined()
    bench = looked_at("r1", 10)
    run = run_of("r1", None, "ours", bench.training)
    seen = []
    for arm in arms(bench, [], 1):
        made = examples_of(arm.labels, run.training, run.section)
        start = ModelFolder(run.start)
        _, trained = fitted(
            made,
            run.training,
            run.section,
            run.settings.model,
            start,
            5,
            Path("checkpoints") / arm.name,
            "cpu",
        )
        assert trained["step"].n_unique() == 4
        seen.append(trained)
    positives, negatives = (
        [
            one.filter(pl.col("role") == role)
            .select("step", "query_id", "doc_id")
            .sort("step", "query_id")
            for one in seen
        ]
        for role in ("positive", "negative")
    )
    assert positives[0].equals(positives[1])
    assert not negatives[0].equals(negatives[1])


def test_a_result_is_found_by_what_it_was_computed_from(workspace: Path):
    mined()
    bench = looked_at("r1", 10)
    noisy, clean = arms(bench, [], 1)
    run = run_of("r1", None, "ours", bench.training)
    key = Trial(run, noisy, 1).key
    assert key == Trial(run_of("r1", 4, "ours", bench.training), noisy, 1).key
    assert Trial(run, noisy, 2).key != key
    assert Trial(run, clean, 1).key != key
    assert Trial(run_of("r1", 5, "ours", bench.training), noisy, 1).key != key


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seeds": 1}, "--seeds is 1, .* Use 2 or more"),
        ({"steps": 0}, "--steps is 0. Use 1 or more"),
        ({"on": "theirs"}, "theirs is not in `evaluate_on`"),
        ({"depth": 0}, "--depth is 0. Use 1 or more"),
    ],
)
def test_what_cannot_be_trained_is_refused(workspace: Path, given: dict, message: str):
    mined()
    with pytest.raises(Refused, match=message):
        train_filters("r1", [RULE], **given)
    assert not Path("reports").exists()


def test_one_judged_query_is_refused_before_anything_trains(workspace: Path, hone_home: Path):
    mined()
    file = Path("data/ours/test/qrels.parquet")
    labels = pl.read_parquet(file)
    for judged in (2, 1):
        tables.write("qrels", labels.head(judged), file)
        assert labels.head(judged)["query_id"].n_unique() == judged
        run = run_of("r1", None, "ours", looked_at("r1", 10).training)
        if judged == 2:
            refuse_one_query(run)  # two queries are enough
    with pytest.raises(
        Refused,
        match="ours has only one judged test query, 'q12', but an interval needs at least two",
    ):
        train_filters("r1", [RULE], seeds=2)
    assert not (hone_home / USER).exists()
    assert not Path("reports").exists()
