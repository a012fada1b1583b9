"""Forgetting, by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hone.data import tables
from hone.data.rounds import ancestors, with_start
from tasks.drift.margins import MAX_EXAMPLES, drawn, remembered, trained_pairs

ROUNDS = {
    name: {"from": start, "recipe": "x"}
    for name, start in (("r1", "r0"), ("r2", "r1"), ("b2", "r1"), ("r3", "r2"))
}


def pairs(count: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "query_id": [f"q{n}" for n in range(count)],
            "positive": "p",
            "negative": [f"n{n}" for n in range(count)],
        }
    )


def test_the_line_of_a_round_leaves_branches_out():
    assert with_start(ROUNDS, "r1") == ["r0", "r1", "r2", "b2", "r3"]
    assert with_start(ROUNDS, "b2") == ["r1", "b2"]
    assert ancestors(ROUNDS, "r3") == ["r3", "r2", "r1", "r0"]


def test_each_negative_once_with_the_positive_that_a_step_saw_beside_it_last():
    rows = [
        (1, "q1", "p1", "positive"),
        (1, "q1", "n1", "negative"),
        (1, "q1", "n2", "negative"),
        (1, "q2", "p3", "positive"),
        (2, "q1", "p2", "positive"),
        (2, "q1", "n1", "negative"),
    ]
    trained = pl.DataFrame(rows, schema=["step", "query_id", "doc_id", "role"], orient="row")
    found = trained_pairs(tables.shaped("trained", trained))
    assert found.rows() == [("q1", "p2", "n1"), ("q1", "p1", "n2")]  # q2 saw none


def test_what_is_learnt_and_forgotten():
    # The first two are learnt in r2; r3 puts the second and the third above their positive, of
    # which the third was never learnt.
    margin = {
        "r1": np.array([-0.2, -0.1, -0.3, 0.4]),
        "r2": np.array([0.3, 0.1, -0.1, 0.5]),
        "r3": np.array([0.2, -0.4, -0.2, 0.0]),
    }
    made = remembered(ROUNDS, "r2", margin, pairs(4))
    assert (made["pairs"], made["learnt"]) == (4, 3)
    assert [(one["model"], one["above"], one["forgotten"]) for one in made["models"]] == [
        ("r1", 3, None),
        ("r2", 1, None),
        ("r3", 2, 1),
    ]
    assert [one["gap"] for one in made["models"]] == pytest.approx([-0.05, 0.2, -0.1])
    [example] = made["examples"]
    assert example == {
        "query_id": "q1",
        "positive": "p",
        "negative": "n1",
        "model": "r3",
        "before": 0.1,
        "after": -0.4,
    }


def test_the_most_clearly_forgotten_come_first_and_are_few():
    count = 3 * MAX_EXAMPLES
    margin = {"r1": np.zeros(count), "r2": np.ones(count), "r3": -np.arange(count, dtype=float) - 1}
    made = remembered(ROUNDS, "r2", margin, pairs(count))
    assert made["models"][-1]["forgotten"] == count
    assert [one["negative"] for one in made["examples"]] == [
        f"n{n}" for n in range(count - 1, count - 1 - MAX_EXAMPLES, -1)
    ]


def test_one_pair_and_no_later_model():
    made = remembered(ROUNDS, "r3", {"r2": np.array([-0.5]), "r3": np.array([0.5])}, pairs(1))
    assert made["examples"] == []
    assert [one["forgotten"] for one in made["models"]] == [None, None]


def test_more_pairs_than_wanted_are_drawn_by_lot():
    found = drawn(pairs(50), np.random.default_rng(0), 7)
    assert len(found) == 7
    assert found["negative"].is_in(pairs(50)["negative"].implode()).all()
    assert drawn(pairs(7), np.random.default_rng(0), 7).equals(pairs(7))
    assert not found.equals(pairs(7))
