"""What training, mining and judging are worth: worked by hand, and their sum for any scores."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.compare.contrast import Contrast, Score, score_rounds
from hone.compare.decomposition import (
    choose_chain,
    decompose,
    describe_parts,
    find_unjudged,
)
from hone.stats.bootstrap import Interval
from hone.stats.paired_tests import Paired
from tests.report.made_up import write_all, write_scores

LOOP = {
    "r1": {"from": "r0", "recipe": "warm-up"},
    "r2": {"from": "r1", "recipe": "nv-retriever"},
    "judged": {"from": "r1", "recipe": "guide-confirmed"},
    "control": {"from": "r1", "recipe": "in-batch"},
}
PLAIN = {"sample": {"choose": "top"}, "train": {"negatives": 4}, "relabel": "none"}
JUDGED = PLAIN | {"relabel": {"cascade": ["guide"]}}
RECIPES = {
    "r1": {"train": {"negatives": 0}, "relabel": "none"},
    "r2": PLAIN,
    "judged": JUDGED,
    "control": {"train": {"negatives": 0}, "relabel": "none"},
}
# nDCG@10 of four test queries. Training: 0.25, 0, 0.25, 0, mean 0.125. Mining: 0.25, 0.5, 0, -0.25,
# mean 0.125. Judging: 0, 0, 0, 0.25, mean 0.0625. Their sum is 0.3125.
TEST = {
    "r0": [0.0, 0.25, 0.5, 0.5],
    "r1": [0.0, 0.25, 0.5, 0.5],
    "r2": [0.5, 0.75, 0.75, 0.25],
    "judged": [0.5, 0.75, 0.75, 0.5],
    "control": [0.25, 0.25, 0.75, 0.5],
}


def scored(rounds: dict[str, dict], recipes: dict[str, dict], times: int = 1) -> list[Score]:
    write_all()
    for name, values in TEST.items():
        write_scores(name, "made-up", values * times, values)
    return score_rounds(rounds, ["r0"], ["made-up"], 13, find_unjudged(rounds, recipes))


def without(*names: str) -> dict[str, dict]:
    return {name: item for name, item in LOOP.items() if name not in names}


def test_the_three_parts_by_hand(workspace: Path):
    parts = decompose(scored(LOOP, RECIPES), LOOP, RECIPES)
    assert [(one.name, one.round, one.contrast.other) for one in parts] == [
        ("training", "control", "r0"),
        ("mining", "r2", "control"),
        ("judging", "judged", "r2"),
    ]
    means = [one.contrast.difference.mean for one in parts]
    assert means == pytest.approx([0.125, 0.125, 0.0625])
    counts = [(one.contrast.better, one.contrast.worse, one.contrast.equal) for one in parts]
    assert counts == [(2, 0, 2), (2, 1, 1), (1, 0, 3)]
    assert [one.reason for one in parts] == [None, None, None]


def test_the_sentence_has_the_three_differences_and_what_is_not_significant(workspace: Path):
    found = scored(LOOP, RECIPES, times=50)
    sentence = describe_parts(decompose(found, LOOP, RECIPES))
    assert sentence.startswith("training +0.125 (+0.")
    assert "; control minus r0), mining +0.125 (+0." in sentence
    assert "; r2 minus control), judging +0.062 (+0." in sentence
    assert sentence.endswith("; judged minus r2).")
    assert "not significant" not in sentence
    few = describe_parts(decompose(scored(LOOP, RECIPES), LOOP, RECIPES))
    assert few.count(", not significant;") == 3


def test_the_parts_are_tests_of_the_page_and_adjusted_with_the_others(workspace: Path):
    """Holm: with one more contrast, no p gets smaller."""
    alone = scored(LOOP, RECIPES | {"judged": PLAIN}, times=3)
    assert all(one.unjudged is None for one in alone)
    with_judging = {one.name: one for one in scored(LOOP, RECIPES, times=3)}
    assert with_judging["judged"].unjudged.p is not None
    for one in alone:
        if one.control is not None:
            assert with_judging[one.name].control.p >= one.control.p


def test_without_a_control_training_is_the_warm_up_and_mining_is_left_out(workspace: Path):
    rounds = without("control")
    training, mining, judging = decompose(scored(rounds, RECIPES), rounds, RECIPES)
    assert (training.round, training.contrast.other) == ("r1", "r0")
    assert training.reason == "the warm-up"
    assert (mining.round, mining.contrast) == (None, None)
    assert mining.reason == "r2 has no control (add a round from r1 with the recipe in-batch)"
    assert judging.contrast.difference.mean == pytest.approx(0.0625)


def test_without_a_judge_judging_is_left_out(workspace: Path):
    rounds = without("judged")
    *_, judging = decompose(scored(rounds, RECIPES), rounds, RECIPES)
    assert (judging.contrast, judging.reason) == (None, "no round has judges")


def test_a_judged_round_alone_contains_what_mining_and_judging_give(workspace: Path):
    rounds = without("r2")
    _, mining, judging = decompose(scored(rounds, RECIPES), rounds, RECIPES)
    assert (mining.round, mining.reason) == ("judged", "judging included")
    assert mining.contrast.difference.mean == pytest.approx(0.1875)  # 0.125 + 0.0625
    assert judging.reason == "no round has the negatives of judged without its judges"


def test_without_mining_only_training_is_known(workspace: Path):
    rounds = without("r2", "judged", "control")
    training, mining, judging = decompose(scored(rounds, RECIPES), rounds, RECIPES)
    assert (training.round, training.contrast.difference.mean) == ("r1", 0.0)
    assert mining.reason == "no round mines negatives"
    assert judging.reason == "no round has judges"
    sentence = describe_parts([training, mining, judging])
    assert sentence.endswith("; mining not known: no round mines negatives; judging not known: "
                             "no round has judges.")  # fmt: skip


def test_a_loop_that_mines_from_the_base_model_has_no_training_part(workspace: Path):
    rounds = {"r2": {"from": "r0", "recipe": "nv-retriever"}}
    training, *_ = decompose(scored(rounds, RECIPES), rounds, RECIPES)
    assert training.contrast is None
    assert "every round mines negatives" in training.reason


def test_other_steps_than_the_control_and_an_absent_judge_are_mentioned(workspace: Path):
    steps = {"r1": 24, "r2": 24, "judged": 24, "control": 30}
    parts = decompose(scored(LOOP, RECIPES), LOOP, RECIPES, steps, {"judged": ["local"], "r2": []})
    assert [one.reason for one in parts] == [
        None,
        "r2 has 24 training steps, control 30",
        "without the judge local",
    ]
    equal = decompose(scored(LOOP, RECIPES), LOOP, RECIPES, dict.fromkeys(LOOP, 24))
    assert [one.reason for one in equal] == [None, None, None]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, {"judged": "r2"}),
        ({"judged": JUDGED | {"sample": {"choose": "random"}}}, {}),  # other negatives
        ({"judged": JUDGED | {"train": {"negatives": 1}}}, {}),  # another training
        ({"r2": JUDGED}, {}),  # both have judges
        ({"judged": PLAIN}, {}),  # none has
    ],
)
def test_the_same_round_without_judges_differs_in_nothing_else(changes: dict, found: dict):
    assert find_unjudged(LOOP, RECIPES | changes) == found


def test_a_round_of_another_start_is_not_the_same_round():
    rounds = LOOP | {"judged": {"from": "r0", "recipe": "guide-confirmed"}}
    assert find_unjudged(rounds, RECIPES) == {}


def plain_score(name: str, dev: float) -> Score:
    return Score(name, "ours", "test", 4, {}, Interval(0.5, 0.4, 0.6), dev, None, None)


def test_of_several_mining_rounds_dev_queries_choose():
    rounds = without("judged") | {"ance": {"from": "r1", "recipe": "ance"}}
    recipes = RECIPES | {"ance": PLAIN}
    for best, dev in (("r2", {"r2": 0.6, "ance": 0.5}), ("ance", {"r2": 0.5, "ance": 0.6})):
        found = [plain_score(name, dev.get(name, 0.1)) for name in rounds]
        assert choose_chain(rounds, recipes, found).mined == best


values = st.lists(st.floats(0, 1), min_size=3, max_size=3)


@given(values, values, values, values)
def test_the_parts_add_up_to_the_judged_round_minus_the_base_model(base, control, mined, judged):
    """A telescoping sum, whatever the scores."""

    def contrast(other: str, one: list[float], two: list[float]) -> Contrast:
        mean = sum(a - b for a, b in zip(one, two, strict=True)) / len(one)
        return Contrast(
            other, Interval(mean, mean, mean), 0, 0, 3, Paired(3, mean, 0, 1, 1, None, None), 1.0
        )

    def of(name: str, **differences: Contrast) -> Score:
        return Score(
            name, "ours", "test", 3, {}, Interval(0.5, 0.4, 0.6), 0.5,
            differences.get("base"), None, differences.get("control"), differences.get("unjudged"),
        )  # fmt: skip

    found = [
        of("r0"),
        of("r1", base=contrast("r0", base, base)),
        of("control", base=contrast("r0", control, base)),
        of("r2", control=contrast("control", mined, control)),
        of("judged", unjudged=contrast("r2", judged, mined)),
    ]
    parts = decompose(found, LOOP, RECIPES)
    total = sum(one.contrast.difference.mean for one in parts)
    assert total == pytest.approx((sum(judged) - sum(base)) / 3, abs=1e-9)
