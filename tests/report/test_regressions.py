"""Did training hurt the base? Verdicts on made-up scores."""

from __future__ import annotations

from pathlib import Path

import pytest

from hone.compare.contrast import score_rounds
from hone.stats.paired_tests import holm, no_worse
from tasks.report.regressions import Harm, describe_open_harm, find_harms, warn_of_harm
from tests.report.made_up import DEV, ROUNDS, write_all, write_scores

REFERENCES = ["r0", "bm25"]
LOST, SAME, GAINED = [0.0, 1.0] * 40, [1.0] * 80, [1.0] * 80


def found(**of_r2: list[float]) -> list[Harm]:
    """r2 on each collection against a base that scores 1 (or .5 where r2 is to gain); r1 and r3
    are as the base.
    """
    write_all(tuple(of_r2))
    for collection, values in of_r2.items():
        base = [0.5, 0.9] * (len(values) // 2) if collection == "gained" else [1.0] * len(values)
        for name, dev in DEV.items():
            write_scores(name, collection, values if name == "r2" else base, dev)
    return find_harms(
        score_rounds(ROUNDS, REFERENCES, list(of_r2), 13), ROUNDS, [next(iter(of_r2))]
    )


def verdicts(made: list[Harm], name: str = "r2") -> dict[str, str]:
    return {one.collection: one.verdict for one in made if one.name == name}


def test_harm_to_a_collection_without_training_is_reported_first(workspace: Path):
    made = found(gained=GAINED, lost=LOST)
    assert verdicts(made) == {"gained": "better", "lost": "worse"}
    [line] = warn_of_harm(made, "r2")
    assert line.startswith(
        "Training hurt the base model: r2 has a lower nDCG@10 than r0 on lost (not trained on): "
        "−0.500 ("
    )
    assert "p < 0.001" in line
    assert describe_open_harm(made, "r2") == []


def test_what_changes_nothing_is_shown_to_hurt_nothing(workspace: Path):
    made = found(gained=GAINED, same=SAME)
    assert verdicts(made) == {"gained": "better", "same": "spared"}
    assert describe_open_harm(made, "r2") == [
        "Training did not hurt the base model: r2 is significantly better on gained and a loss of "
        "0.005 is ruled out on same "
        "(not trained on)."
    ]
    assert warn_of_harm(made, "r2") == []


def test_open_harm_is_reported_beside_the_damage(workspace: Path):
    made = found(lost=LOST, few=[1.0, 0.9])
    assert len(warn_of_harm(made, "r2")) == 1
    assert describe_open_harm(made, "r2") == [
        "Whether training hurt the base model on few (not trained on) is inconclusive: a loss of "
        "0.005 is not ruled out."
    ]


def test_few_queries_leave_it_open(workspace: Path):
    made = found(same=[1.0, 0.9, 1.0, 1.0])
    assert verdicts(made) == {"same": "open"}
    assert describe_open_harm(made, "r2") == [
        "Whether training hurt the base model on same is inconclusive: a loss of 0.005 is not "
        "ruled out."
    ]
    assert (
        next(one.words for one in made if one.name == "r2")
        == "inconclusive: a loss of 0.005 is not ruled out by 4 test queries"
    )


def test_one_query_cannot_be_tested(workspace: Path):
    made = found(same=[1.0])
    assert {one.p for one in made} == {None}
    assert verdicts(made) == {"same": "open"}


def test_one_collection_that_gained_needs_no_line(workspace: Path):
    assert describe_open_harm(found(gained=GAINED), "r2") == []


def test_every_round_counts_in_the_correction(workspace: Path):
    made = found(same=[1.0, 0.999] * 6)
    scores = [one for one in score_rounds(ROUNDS, REFERENCES, ["same"], 13) if one.name in ROUNDS]
    assert [one.p for one in made] == pytest.approx(
        holm([no_worse(one.base.test, 0.005) for one in scores])
    )
    assert [(one.name, one.verdict) for one in made] == [
        ("r1", "spared"),
        ("r2", "spared"),
        ("r3", "spared"),
    ]


def test_nothing_to_hold_the_rounds_against(workspace: Path):
    write_all()
    one = {"r1": ROUNDS["r1"]}
    assert find_harms(score_rounds(one, [], ["made-up"], 13), one, ["made-up"]) == []
    assert warn_of_harm([], "r1") == describe_open_harm([], "r1") == []
