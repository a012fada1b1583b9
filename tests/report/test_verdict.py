"""The verdict: at most six lines, and the next step that follows from the results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hone.compare.contrast import Score, decide, find_control, score_rounds
from hone.compare.decision import Decision
from hone.encoders.text_lengths import Cut
from tasks.report.export_tables import write_verdict as write_file
from tasks.report.truncation import CutCollection
from tasks.report.verdict import Situation, write_verdict
from tests.report.made_up import DEV, ROUNDS, TEST, write_all, write_scores

CALM = Situation([], None, False)
COST = "96 training steps in 2 rounds."
CONTROLLED = ROUNDS | {"control": {"from": "r1", "recipe": "in-batch"}}


def scores(times: int = 50, **changed: list[float]) -> list[Score]:
    write_all()
    for name, values in (TEST | changed).items():
        write_scores(name, "made-up", values * times, DEV[name])
    return score_rounds(ROUNDS, ["r0", "bm25"], ["made-up"], 13)


def verdict(
    found: list[Score], name: str = "r2", situation: Situation = CALM, reported: str = ""
) -> list[str]:
    decision = decide(name, "r0", found)
    return write_verdict(decision, reported or name, "r0", found, COST, situation)


def test_a_better_model_ships_in_six_lines_or_fewer(workspace: Path):
    lines = verdict(scores())
    assert len(lines) <= 6
    assert lines[0] == "Ship models/r2: it is significantly better than r0 on made-up."
    assert lines[1].startswith("Gain: nDCG@10 0.500 -> 0.750 on 200 test queries, +0.250 (")
    assert lines[1].endswith(" against r0.")
    assert lines[2] == "Worse: 50 of 200 queries (100 better)."
    assert lines[3] == f"Cost: {COST}"


def test_few_queries_do_not_ship_and_the_next_step_says_how_many_are_missing(workspace: Path):
    """Changes of .5, 1, 0 and -.5 have the deviation .6455: n is 32,704 by normal quantiles, and
    two more by those of t.
    """
    lines = verdict(scores(times=1, r2=[0.5, 1.0, 0.5, 0.5], r0=[0.0, 0.0, 0.5, 1.0]))
    assert lines[0] == "Do not ship: models/r2 is not significantly different from r0 on made-up."
    needed = 32_706
    assert f"Next: add {needed - 4:,} labelled test queries of made-up" in lines[-1]


def test_few_queries_that_hardly_differ_are_too_few(workspace: Path):
    """Nothing varies, so there is no detectable effect, but four queries represent nothing."""
    lines = verdict(scores(times=1, r0=[0.5] * 4, r2=[0.5] * 4))
    assert lines[-1] == "Next: label more test queries of made-up: 4 are too few."


def test_a_worse_model_does_not_ship(workspace: Path):
    lines = verdict(scores(r2=[0.0, 0.1, 0.1, 0.1]))
    assert lines[0] == "Do not ship: models/r2 is significantly worse than r0 on made-up."


def test_the_base_model_is_kept_and_the_best_round_is_shown(workspace: Path):
    lines = verdict(scores(), "r0", reported="r2")
    assert lines[0] == "Do not ship: no round is better than r0 on the dev queries."
    assert "0.500 -> 0.750" in lines[1]


def cut(share: float) -> CutCollection:
    return CutCollection("made-up", Cut(100, 100, int(100 * share), 1000, 100, 96), False)


@pytest.mark.parametrize(
    ("situation", "step"),
    [
        (
            Situation([cut(0.04), cut(0.38)], 0.3, False),
            "38.0 % of the documents of made-up are cut at 96 tokens: raise `model.max_length`",
        ),
        (Situation([cut(0.04)], 0.3, False), "30.0 % of the mined negatives are known positives"),
        (Situation([], 0.3, True), "labelled test queries of made-up to detect a change of 0.01"),
    ],
)
def test_the_next_step_follows_from_the_situation(workspace: Path, situation: Situation, step: str):
    assert step in verdict(scores(), situation=situation)[-1]


def test_with_enough_queries_the_next_step_is_to_export(workspace: Path):
    """All queries gain alike, so that nothing varies and there is nothing to detect."""
    found = scores(r0=[0.5] * 4, r2=[0.75] * 4)
    assert verdict(found)[-1] == "Next: `hone export model r2 FOLDER`."


def test_scores_of_dev_queries_do_not_ship():
    decision = Decision(False, "r2", "same-queries", ("ours",))
    lines = write_verdict(decision, "r2", "r0", [], COST, CALM)
    assert lines[0].startswith("Do not ship yet: ours has no test queries")
    assert lines[-1].startswith("Next: label test queries of ours")


def test_a_control_starts_where_the_round_does_and_mines_nothing():
    assert find_control(CONTROLLED, "r2") == "control"
    assert find_control(CONTROLLED, "r3") is None  # it starts from r2
    assert find_control(CONTROLLED, "r1") is None  # it mines nothing itself
    assert find_control(CONTROLLED, "control") is None
    assert find_control(ROUNDS, "r2") is None  # r1 is its own start


def test_the_gain_over_the_control_is_what_mining_adds(workspace: Path):
    write_all()
    control = [0.5, 0.5, 0.5, 0.5]
    for name, values in (TEST | {"control": control}).items():
        write_scores(name, "made-up", values * 50, DEV.get(name, [0.5, 0.5]))
    found = score_rounds(CONTROLLED, ["r0", "bm25"], ["made-up"], 13)
    by_name = {one.name: one for one in found}
    assert by_name["r2"].control.difference.mean == pytest.approx(0.25)  # .75 - .5
    assert by_name["r2"].control.p is not None
    assert by_name["control"].control is None
    assert "against control, the control without mining" in verdict(found)[1]


def test_the_parts_of_the_gain_are_one_line_of_six(workspace: Path):
    found = scores()
    decision = decide("r2", "r0", found)
    lines = write_verdict(decision, "r2", "r0", found, COST, CALM, "training +0.1.")
    assert lines[2] == "Parts: training +0.1."
    assert len(lines) == 6


def test_programs_read_the_verdict_from_a_file(workspace: Path):
    found = scores()
    decision = decide("r2", "r0", found)
    write_file(decision, ["a line"])
    assert json.loads(Path("reports/verdict.json").read_text()) == {
        "ship": True,
        "name": "r2",
        "reason": "better",
        "where": ["made-up"],
        "generated": [],
        "lines": ["a line"],
    }
    assert replace(decision, ship=False) != decision
