"""Equal tuning: every arm with every setting on dev queries, the best of each into the study,
measured with other seeds.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from commands.study import tuning
from commands.study.arms import trials, user_params
from commands.study.design import Arm, Question, parse_question
from commands.study.trial_results import TrialResult
from hone.errors import Refused
from tests.prepared import pairs, write_params, write_rows

LOW, HIGH = {"learning_rate": 2e-5}, {"learning_rate": 1e-4}
OURS = ["ours"]


@pytest.fixture(autouse=True)
def _here(workspace: Path) -> None:
    write_params()
    write_rows(
        Path("inputs/ours"),
        [{"doc_id": "d", "text": "a"}],
        [{"query_id": "q", "text": "b"}],
        pairs(("q", "d")),
    )


def question(*tune: dict, **changes) -> Question:
    return parse_question(
        ["top-k", "in-batch"],
        {"steps": 10, "seeds": 2, "tune": list(tune or (LOW, HIGH))} | changes,
    )[1]


def gave(dev: list[float], test: float = 0.9, round: str = "r1") -> TrialResult:
    """A trial whose dev queries have these values; its test queries must not matter."""
    rows = [(round, "ours", "dev", f"q{place}", value) for place, value in enumerate(dev)] + [
        (round, "ours", "test", "t", test)
    ]
    values = pl.DataFrame(
        rows, schema=["round", "collection", "split", "query_id", "ndcg_at_10"], orient="row"
    )
    return TrialResult(values, {"rounds": {round: {}}})


def found(*dev: float, test: tuple[float, ...] = (0.0,) * 4) -> dict[str, TrialResult]:
    """Of the tries of two arms with two settings, in the order in which they run."""
    names = [one.trial.name for one in tuning.tries_of(question(), user_params())]
    return {
        name: gave([value, value], tested)
        for name, value, tested in zip(names, dev, test, strict=True)
    }


def test_every_arm_is_tried_with_every_setting_and_with_no_seed_of_the_study():
    asks = question(first_seed=4)
    tries = tuning.tries_of(asks, user_params())
    assert [(one.arm, one.setting) for one in tries] == [
        ("top-k", LOW),
        ("in-batch", LOW),
        ("top-k", HIGH),
        ("in-batch", HIGH),
    ]
    assert {one.trial.seed for one in tries} == {4}
    assert list(asks.all_seeds) == [5, 6]
    assert [one.trial.rounds["r1"]["train"] for one in tries[::2]] == [
        LOW | {"steps": 10},
        HIGH | {"steps": 10},
    ]
    assert len({one.trial.name for one in tries}) == 4


def test_dev_alone_chooses():
    """top-k: .4 and .6, so the second; in-batch: .5 twice, so the first. Test queries would
    choose otherwise.
    """
    made = tuning.choices(
        tuning.tries_of(question(), user_params()),
        found(0.4, 0.5, 0.6, 0.5, test=(0.9, 0.1, 0.1, 0.9)),
        OURS,
    )
    assert {arm: choice.taken for arm, choice in made.items()} == {"top-k": HIGH, "in-batch": LOW}
    assert made["top-k"].dev == pytest.approx([0.4, 0.6])


def test_an_arm_whose_tries_have_not_all_ended_takes_nothing():
    some = found(0.4, 0.5, 0.6, 0.5)
    del some["in-batch-setting2, seed 1"]
    assert list(tuning.choices(tuning.tries_of(question(), user_params()), some, OURS)) == ["top-k"]


def test_a_study_runs_with_what_was_taken():
    made = trials(question(), user_params(), {"top-k": HIGH})
    rates = {one.arm: one.rounds["r1"]["train"].get("learning_rate") for one in made}
    assert rates == {"top-k": 1e-4, "in-batch": None}
    assert {one.seed for one in made} == {2, 3}


def test_the_result_says_what_was_tried_and_what_stands_at_the_end():
    asks = question(LOW, {"learning_rate": 5e-5}, HIGH)
    made = {
        "top-k": tuning.Choice("top-k", asks.tune, [0.4, 0.5, 0.6]),
        "in-batch": tuning.Choice("in-batch", asks.tune, [0.4, 0.6, 0.5]),
    }
    said = tuning.sentences(asks, made)
    assert "unseen seeds (2 to 3)" in said[0]
    assert "top-k uses learning_rate 0.0001" in said[1]
    assert "one beyond it may be better" in said[1]
    assert "in-batch uses learning_rate 5e-05" in said[2]
    assert "beyond" not in said[2]
    table = tuning.table(made)
    assert table.filter("taken")["ndcg_at_10"].to_list() == [0.6, 0.6]
    assert len(table) == 6
    assert tuning.sentences(question().model_copy(update={"tune": []}), {}) == []


@pytest.mark.parametrize(
    ("tune", "said"),
    [
        ([LOW], "has only one setting"),
        ([LOW, LOW], "twice"),
        ([LOW, {"steps": 4}], "`tune` has steps"),
        ([LOW, {}], "tune"),
    ],
)
def test_what_tunes_nothing_is_refused(tune: list[dict], said: str):
    with pytest.raises(Refused, match=said):
        question(*tune)


def test_an_arm_with_an_empty_section_is_refused_as_without_tuning():
    asks = question().model_copy(update={"arms": {"a": Arm(recipe="top-k", train=None)}})
    with pytest.raises(Refused, match="Arm a"):
        tuning.tries_of(asks, user_params())


def test_a_setting_that_training_does_not_know_is_told_with_the_arm():
    with pytest.raises(Refused, match=r"Arm top-k.*learning_rat.*learning_rate"):
        tuning.tries_of(question(LOW, {"learning_rat": 1e-4}), user_params())
