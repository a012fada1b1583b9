"""What MLflow is told of a study."""

from __future__ import annotations

from dataclasses import asdict

import polars as pl
import pytest

from commands.study import mlflow
from commands.study.arms import Fingerprints
from commands.study.results import Contrast
from commands.study.trial_results import TrialResult
from hone.config.params import Params
from tests.commands.study.made_up import after, known, question, result
from tests.prepared import COLLECTION, ROUNDS

FINGERPRINTS = Fingerprints("settings", "data", "code")
GIVEN = Params(
    collections={"scifact": COLLECTION},
    train_on=["scifact"],
    evaluate_on=["scifact"],
    rounds=ROUNDS,
)


def trial(seed: int, *values: float) -> TrialResult:
    """Two test queries after r1, and one of dev that does not count."""
    rows = [
        ("r1", "scifact", "test", f"q{number}", value) for number, value in enumerate(values)
    ] + [("r1", "scifact", "dev", "q9", 1.0)]
    columns = ["round", "collection", "split", "query_id", "ndcg_at_10"]
    facts = {"seed": seed, "fingerprints": asdict(FINGERPRINTS), "rounds": {"r1": {}}}
    return TrialResult(pl.DataFrame(rows, schema=columns, orient="row"), facts)


def test_an_arm_after_a_round_becomes_a_child():
    """Means over the two test queries: .3 and .5."""
    found = [result(after("ance", 0.4, hidden=12, negatives=480))]
    one = mlflow.child(
        "ance", 1, "r1", question("ance"), found, {"ance": [trial(1, 0.2, 0.4), trial(2, 0.4, 0.6)]}
    )
    assert one.by_seed["scifact.ndcg_at_10.by_seed"] == pytest.approx({1: 0.3, 2: 0.5})
    assert one.experiments == {1: FINGERPRINTS.address, 2: FINGERPRINTS.address}
    assert one.params["recipe"] == "ance"
    assert one.params["steps"] == 40
    assert (
        one.metrics["scifact.ndcg_at_10"],
        one.metrics["scifact.ndcg_at_10.low"],
    ) == pytest.approx((0.4, 0.38))
    assert one.metrics["hidden_share"] == 12 / 480
    assert one.metrics["seconds"] == 39


def test_without_negatives_there_is_no_share():
    assert "hidden_share" not in mlflow.counts(after("in-batch", 0.4, negatives=0, hidden=0))


def test_what_nobody_measured_is_not_logged():
    assert not {"seconds", "texts", "pairs"} & set(
        mlflow.counts(after("ance", 0.4, seconds={}, texts=None, pairs=None))
    )


def test_what_cross_encoders_and_judges_read_is_logged():
    found = mlflow.counts(
        after("rocketqa", 0.4, pairs=4000.0, scored=100.0, judged=7.0, judged_free=90.0)
    )
    assert [found[name] for name in ("pairs", "scored", "judged", "judged_free")] == [
        4000,
        100,
        7,
        90,
    ]


def test_contrasts_are_points_of_the_study():
    found = [
        result(
            contrasts=[
                Contrast("top-k", "ance", known(0.02, 0.01, p=0.03)),
                Contrast("top-k", "star", None),
            ]
        )
    ]
    assert mlflow.contrasts(found) == pytest.approx(
        {
            "scifact.ance - top-k": 0.02,
            "scifact.ance - top-k.low": 0.01,
            "scifact.ance - top-k.high": 0.03,
            "scifact.ance - top-k.p": 0.03,
        }
    )


def test_more_seeds_are_the_same_study_and_another_contrast_is_not():
    said = [
        mlflow.asks(question("ance", **changes), GIVEN)
        for changes in ({"seeds": 2}, {"seeds": 5}, {"rounds": 2})
    ]
    assert said[0] == said[1] != said[2]


def test_a_study_is_logged_once(workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    by_arm = {"ance": [trial(1, 0.2, 0.4)], "star": []}
    found = [result(after("ance", 0.4), contrasts=[Contrast("top-k", "star", None)])]
    assert [
        mlflow.log_study("harder", question("ance", "star"), found, by_arm, GIVEN) for _ in range(2)
    ] == [1, 0]
