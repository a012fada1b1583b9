"""Scores by kind of query: paired within each kind, doubt shared by all of them, and a loss that
the mean hides is told.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hone.compare.by_stratum import adjust_p, compare_levels, count_contrasts, find_hidden_losses
from hone.compare.contrast import score_rounds
from hone.compare.query_strata import QuerySlices
from tests.report.made_up import ROUNDS, write_all, write_scores


def cut(name: str, **by: list[str]) -> pl.DataFrame:
    rows = [
        (query, name, level.replace("_", " ")) for level, queries in by.items() for query in queries
    ]
    return pl.DataFrame(rows, schema=["query_id", "stratum", "level"], orient="row")


def test_each_kind_has_its_own_queries(workspace: Path):
    write_all()
    parts = [
        cut("long", whole=["t1", "t2"], cut=["t4", "t3"]),
        cut("unseen", seen=["t4"], unseen=["t1", "t2", "t3"]),
    ]
    kinds = QuerySlices(pl.concat(parts), {})
    found = {
        (one.stratum, one.level): one
        for one in compare_levels("made-up", "r0", ["r1", "r2"], kinds, 13)
    }
    assert list(found) == [
        ("long", "cut"),
        ("long", "whole"),
        ("unseen", "unseen"),
        ("unseen", "seen"),
    ]  # as the strata name them
    # r0 has 0, .5, .5, 1 and r2 has 1, 1, .5, .5 on t1 to t4.
    whole, cut_ = found["long", "whole"], found["long", "cut"]
    assert (whole.queries, whole.base, whole.few) == (2, 0.25, True)
    assert [(one.name, one.mean, one.against.difference.mean) for one in whole.rounds] == [
        ("r1", 0.5, 0.25),
        ("r2", 1.0, 0.75),
    ]
    assert (
        cut_.rounds[1].against.difference.mean,
        cut_.rounds[1].against.worse,
        cut_.rounds[1].against.equal,
    ) == (-0.25, 1, 1)
    assert found["unseen", "seen"].rounds[1].against.difference.mean == -0.5


def test_doubt_is_shared_by_all_that_is_shown(workspace: Path):
    write_all()
    found = compare_levels(
        "made-up",
        "r0",
        ["r1", "r2"],
        QuerySlices(cut("long", whole=["t1", "t2"], cut=["t3", "t4"]), {}),
        13,
    )
    # r2 on t1 and t2 gains 1 and .5: of four ways to turn signs two are as far from 0. All others
    # move one query or none: p = 1.
    assert [one.against.test.randomisation for level in found for one in level.rounds] == [
        1.0,
        1.0,
        1.0,
        0.5,
    ]
    assert count_contrasts(found) == 4
    assert [one.against.p for level in adjust_p(found) for one in level.rounds] == [
        1.0,
        1.0,
        1.0,
        1.0,
    ]
    assert found[0].rounds[0].against.p is None


@pytest.mark.parametrize(("lost", "is_reported"), [(20, True), (4, False)])
def test_a_significant_loss_that_the_mean_hides_is_reported(
    workspace: Path, lost: int, is_reported: bool
):
    write_all()
    gains = 100
    before, after = [0.0] * gains + [1.0] * lost, [1.0] * gains + [0.5] * lost
    for name, values in {
        "bm25": before,
        "r0": before,
        "r1": after,
        "r2": before,
        "r3": before,
    }.items():
        write_scores(name, "made-up", values, [0.5])
    ids = [f"t{number}" for number in range(1, gains + lost + 1)]
    kinds = QuerySlices(cut("long", whole=ids[:gains], cut=ids[gains:]), {})
    found = adjust_p(compare_levels("made-up", "r0", list(ROUNDS), kinds, 13))
    sentences = find_hidden_losses(found, score_rounds(ROUNDS, ["r0", "bm25"], ["made-up"], 13))
    if is_reported:
        [sentence] = sentences
        assert sentence.startswith(
            "r1 is better than r0 over all queries of made-up but worse where every relevant "
            "document is truncated "
            "(long: cut, 20 queries): nDCG@10 goes from 1.000 to 0.500, −0.500"
        )
    else:
        # Four queries that all lose: of sixteen ways to turn signs two are as far from 0, p = .125.
        assert sentences == []
