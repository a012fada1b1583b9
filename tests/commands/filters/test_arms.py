"""Which negatives each arm leaves."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from commands.filters.arms import CLEAN, NOISY, RANDOM, UNMINED, Arm, arms, default_names
from commands.filters.measure import looked_at
from hone.errors import Refused
from tests.commands.filters.mined import TRAIN, hide, mined

FREE_JUDGE = {
    "judges": {"guide": {"encoder": {"to": "positives", "model": "r0", "threshold": -1.0}}}
}


def kinds(arm: Arm) -> list[str]:
    """The kinds of a query's negatives in their order; all queries have the same."""
    rows = arm.labels.filter(pl.col("label") == "negative").sort("rank")
    by_query = (
        rows.group_by("query_id").agg(kind=pl.col("doc_id").str.slice(0, 1))["kind"].to_list()
    )
    assert all(one == by_query[0] for one in by_query)
    return by_query[0] if by_query else []


def test_each_arm_by_hand(workspace: Path):
    mined()
    found = {
        one.name: one
        for one in arms(
            looked_at("r1", 10),
            ["rule:positive-aware", "rule:positive-aware:share=0.85", UNMINED],
            1,
        )
    }
    assert list(found) == [
        NOISY,
        CLEAN,
        "rule:positive-aware",
        "rule:positive-aware:share=0.85",
        UNMINED,
    ]
    assert kinds(found[NOISY]) == ["h", "n", "m"]
    assert kinds(found[CLEAN]) == ["n", "m"]
    assert kinds(found["rule:positive-aware"]) == ["n", "m"]  # .95 of .8 is .76
    assert kinds(found["rule:positive-aware:share=0.85"]) == ["m"]  # .68
    assert kinds(found[UNMINED]) == []
    assert [(one.trained, one.false) for one in found.values()] == [
        (TRAIN, TRAIN),
        (TRAIN, 0),
        (TRAIN, 0),
        (TRAIN, 0),
        (0, 0),
    ]
    for one in found.values():
        positives = one.labels.filter(pl.col("label") == "positive")
        assert positives.equals(found[NOISY].labels.filter(pl.col("label") == "positive"))


def test_rules_come_before_the_negatives_are_mined_and_judges_after(workspace: Path):
    mined(**FREE_JUDGE)
    found = {
        one.name: one
        for one in arms(
            looked_at("r1", 1), ["rule:positive-aware", "recipe:nv-retriever", "judge:guide"], 1
        )
    }
    assert kinds(found[NOISY]) == ["h"]
    assert kinds(found[CLEAN]) == kinds(found["judge:guide"]) == []
    assert kinds(found["rule:positive-aware"]) == kinds(found["recipe:nv-retriever"]) == ["n"]


def test_a_recipe_s_rules_are_one_arm_and_what_costs_something_is_none(workspace: Path):
    mined(**FREE_JUDGE)
    bench = looked_at("r1", 10)
    names = default_names(bench)
    assert {"rule:positive-aware", "rule:semi-hard", "judge:guide", "recipe:nv-retriever"} <= set(
        names
    )
    # Nobody has scored what they compare; they are about queries; a parameter is wanted.
    assert not {
        "rule:closer-to-query",
        "recipe:enterprise",
        "rule:cross-encoder",
        "rule:late-stopping",
        "rule:guide",
    } & set(names)
    assert not {"recipe:late-stopping", "rule:training-dynamics", "rule:query-quality"} & set(names)
    assert not {"recipe:top-k", "recipe:rlhn", "rule:labelled"} & set(
        names
    )  # cleans nothing, costs something, is a guard
    found = {
        one.name: one for one in arms(bench, ["recipe:nv-retriever", "judge:guide", RANDOM], 1)
    }
    assert kinds(found["recipe:nv-retriever"]) == ["n", "m"]
    assert kinds(found["judge:guide"]) == []  # at a threshold of -1 it finds everything right
    drawn = found[RANDOM].labels.filter(pl.col("label") == "negative")
    assert found[RANDOM].trained == TRAIN
    known = looked_at("r1", 10).rules.positives.select("query_id", "doc_id")
    assert drawn.join(known, on=["query_id", "doc_id"], how="semi").is_empty()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tidy", "There is no arm 'tidy'"),
        ("rule:positive-awar", "did you mean 'positive-aware'"),
        ("rule:labelled", "it is a guard"),
        ("rule:positive-aware:share=7", "less than or equal to 1"),
        ("judge:paid", "judge paid is not free. Free judges in params.yaml: none"),
        ("judge:nobody", "params.yaml has no judge nobody. Free judges in params.yaml: none"),
        ("recipe:nv-retreiver", "nv-retriever"),
        ("recipe:art", "its judge teacher is not free"),
    ],
)
def test_what_is_no_arm_is_refused(workspace: Path, name: str, message: str):
    endpoint = {"endpoint": {"url": "http://127.0.0.1:1/v1", "model": "m", "prompt": "yes-no"}}
    mined(judges={"paid": endpoint, "teacher": endpoint})
    with pytest.raises(Refused, match=message):
        arms(looked_at("r1", 10), [name], 1)


def test_no_damage_where_training_reads_no_hidden_answer(workspace: Path):
    mined()
    hide("m")  # the last of each query's three
    with pytest.raises(
        Refused,
        match=rf"None of the {TRAIN} negatives that training reads \(the first 1 of each query\)",
    ):
        arms(looked_at("r1", 10), [], 1)
    assert arms(looked_at("r1", 10), [], 3)[0].false == TRAIN
