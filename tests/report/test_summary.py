from __future__ import annotations

from pathlib import Path

from hone.compare.contrast import score_rounds
from tasks.report.summary import Summary, summarize
from tests.report.made_up import DEV, ROUNDS, TEST, write_all, write_scores

REFERENCES = ["r0", "bm25"]


def answer(*collections: str) -> Summary:
    return summarize(score_rounds(ROUNDS, REFERENCES, list(collections), 13), ROUNDS, REFERENCES)


def many(values: list[float]) -> list[float]:
    return values * 50


def test_an_interval_that_includes_0_is_reported_as_such(workspace: Path):
    write_all()  # four queries cannot tell anything
    found = answer("made-up")
    assert found.take == "r2"
    assert found.headline.startswith(
        "Round r2 is not significantly different from r0: nDCG@10 goes from 0.500 to 0.750 on 4 "
        "test queries, +0.250 (95 %"
    )
    assert "which includes 0" in found.headline
    assert "2 queries are better, 1 worse, 1 equal." in found.details
    assert "better than r0" not in found.text


def test_a_gain_beyond_chance(workspace: Path):
    write_all()
    for name, values in TEST.items():
        write_scores(name, "made-up", many(values), DEV[name])
    found = answer("made-up")
    assert found.headline.startswith(
        "Round r2 is better than r0: nDCG@10 goes from 0.500 to 0.750 on 200 test queries, +0.250 "
        "(95 %"
    )
    assert "100 queries are better, 50 worse, 50 equal." in found.details
    # r2 - r1 is 0.125 in the mean.
    assert any(
        detail.startswith("The change from r1, its starting round, is +0.125 (")
        for detail in found.details
    )
    assert found.details[-1].startswith(
        "Use models/r2. It has the highest nDCG@10 of all rounds on the dev queries (0.900)"
    )


def test_many_comparisons_make_each_less_sure(workspace: Path):
    write_all()
    for name, dev in DEV.items():
        write_scores(name, "made-up", [0.5 if name in ("r0", "bm25") else 0.6] * 6, dev)
    # Six queries that all gain: two of 64 ways to turn the signs are as far from 0. Five contrasts
    # make it 5 / 32.
    found = answer("made-up")
    assert found.headline.startswith(
        "Round r2 is not significantly different from r0: nDCG@10 goes from 0.500 to 0.600 on 6 "
        "test queries, +0.100 (95 %"
    )
    assert "+0.100 to +0.100, p = 0.156, Holm-adjusted)" in found.headline


def test_the_minimum_detectable_effect_is_reported(workspace: Path):
    write_all()
    for name, values in TEST.items():
        write_scores(name, "made-up", many(values), DEV[name])
    # r2 - r0 is 1, .5, 0 or -.5 for 50 queries each: deviation .5604 (n - 1), and (1.9720 + .8434)
    # * .5604 / sqrt(200) = .1116.
    assert (
        "Minimum detectable effect against r0 on 200 test queries of made-up, at 80 % power: 0.112."
        in answer("made-up").details
    )


def test_no_difference_is_greater_than_one(workspace: Path):
    write_all()
    assert any(
        detail.endswith("at 80 % power: 1 (the maximum).") for detail in answer("made-up").details
    )


def test_one_query_is_no_interval(workspace: Path):
    write_all()
    for name, values in TEST.items():
        write_scores(name, "made-up", values[:1], DEV[name])
    assert "+1.000 (95 % interval −1.000 to +1.000, which includes 0)" in answer("made-up").headline


def test_a_step_that_changes_nothing_is_shown_to_harm_nothing(workspace: Path):
    write_all()
    for name, values in TEST.items():
        write_scores(name, "made-up", many(TEST["r1"] if name == "r2" else values), DEV[name])
    assert any(
        detail.endswith("which is not significant; a loss of 0.005 is ruled out.")
        for detail in answer("made-up").details
    )


def test_a_loss_beyond_chance_is_called_one(workspace: Path):
    write_all()
    for name, dev in DEV.items():
        write_scores(name, "made-up", [1.0] * 40 if name == "r0" else [0.0, 1.0] * 20, dev)
    assert answer("made-up").headline.startswith("Round r2 is worse than r0: ")


def test_the_base_is_recommended_if_no_round_is_better_on_dev(workspace: Path):
    write_all()
    for name, values in TEST.items():
        write_scores(name, "made-up", values, DEV["r0"] if name == "r0" else [0.1, 0.1])
    found = answer("made-up")
    assert (found.take, found.reported_round) == ("r0", "r1")
    assert found.details[-1] == "Keep models/r0: no round is better on the dev queries."


def test_without_dev_queries_it_says_that_nothing_chose(workspace: Path):
    write_all()
    for name, values in TEST.items():
        write_scores(name, "made-up", values, None)
    assert (
        answer("made-up").details[-1]
        == "Use models/r3, the last round. There are no dev queries to select a round by."
    )


def test_without_test_queries_it_says_whose_the_figures_are(workspace: Path):
    write_all()
    for name, values in DEV.items():
        write_scores(name, "made-up", None, values)
    found = answer("made-up")
    assert "on 2 dev queries" in found.headline
    assert any("made-up has no judged test queries" in detail for detail in found.details)


def test_several_collections_that_disagree(workspace: Path):
    write_all(("first", "second", "third"))
    for name, values in TEST.items():
        write_scores(name, "first", many(values), DEV[name])
        write_scores(name, "second", many([1 - value for value in values]), DEV[name])
    found = answer("first", "second", "third")
    assert (
        found.headline
        == "Round r2 is better than r0 on first, worse on second and not significantly different "
        "on third."
    )
    assert sum("nDCG@10 goes from" in detail for detail in found.details) == 3


def test_one_round_and_nothing_to_hold_it_against(workspace: Path):
    write_all()
    one = {"r1": ROUNDS["r1"]}
    found = summarize(score_rounds(one, [], ["made-up"], 13), one, [])
    assert found.headline == "There is one round, r1, and no baseline to compare it with."
    assert found.take == "r1"
