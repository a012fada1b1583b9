"""Flips of four queries, counted by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tasks.report.negative_flips import MAX_ROWS, count_all_flips, count_flips
from tests.report.made_up import ROUNDS, write_all, write_scores

# In these tables each measure has the value of nDCG@10, so 0 is: no right answer among the first
# ten.
BEFORE, AFTER = [0.5, 1.0, 0.0, 0.25], [0.0, 0.5, 0.2, 0.25]


def test_answered_lost_and_won(workspace: Path):
    write_all()
    write_scores("r1", "made-up", BEFORE, None)
    write_scores("r2", "made-up", AFTER, None)
    found = count_flips("r2", "r1", "made-up")
    assert (found.queries, found.answered, found.lost, found.won, found.worse, found.better) == (
        4,
        3,
        1,
        1,
        2,
        1,
    )
    assert found.lost_share == 1 / 3
    assert [(row["query_id"], row["rank_before"], row["rank_after"]) for row in found.rows] == [
        ("t1", 2, None),
        ("t2", 1, 2),
    ]
    assert found.rows[0]["text"] == "test query 1"


def test_every_round_is_compared_with_the_one_that_it_starts_from(workspace: Path):
    write_all(("first", "second"))
    found = count_all_flips(ROUNDS, ["first", "second"], ["r0", "bm25", *ROUNDS])
    assert [(one.collection, one.name, one.start) for one in found] == [
        (collection, name, item["from"])
        for collection in ("first", "second")
        for name, item in ROUNDS.items()
    ]
    assert [one.name for one in count_all_flips(ROUNDS, ["first"], ["r1"])] == ["r2"]


def test_nothing_answered_before(workspace: Path):
    write_all()
    write_scores("r1", "made-up", [0.0], None)
    write_scores("r2", "made-up", [1.0], None)
    found = count_flips("r2", "r1", "made-up")
    assert (found.queries, found.answered, found.lost, found.won) == (1, 0, 0, 1)
    assert found.lost_share is None
    assert found.rows == []


def test_only_some_are_listed_those_that_lost_their_answer_first(workspace: Path):
    write_all()
    write_scores("r1", "made-up", [1.0] * 20 + [0.1], None)
    write_scores("r2", "made-up", [0.2] * 20 + [0.0], None)
    found = count_flips("r2", "r1", "made-up")
    assert (found.worse, found.lost) == (21, 1)
    assert len(found.rows) == MAX_ROWS
    assert found.rows[0]["query_id"] == "t21"


def test_a_query_of_only_one_round_does_not_count(workspace: Path):
    write_all()
    write_scores("r1", "made-up", BEFORE, None)
    write_scores("r2", "made-up", AFTER[:2], None)
    assert count_flips("r2", "r1", "made-up").queries == 2


def test_no_common_query(workspace: Path):
    write_all()
    write_scores("r1", "made-up", None, [0.5])
    write_scores("r2", "made-up", [0.5], None)
    found = count_flips("r2", "r1", "made-up")
    assert (found.queries, found.answered, found.lost, found.won) == (0, 0, 0, 0)
    assert pl.DataFrame(found.rows).is_empty()
