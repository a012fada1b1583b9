"""Measures that leave out unjudged documents: by hand, and refused where they would be this
measure would equal recall.
"""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from hone.errors import Refused
from hone.ir.condensed import judged_only
from hone.ir.trec_run import ranking_of, write_run
from tests.evaluate.ranked import qrels, ranked


def test_by_hand():
    judged = qrels(
        q={"a": 1, "b": 0, "c": 1, "d": 0},
        only_right={"a": 1},
        only_wrong={"a": 0},
        not_found={"z": 1, "y": 0},
    )
    found = judged_only(ranked(q="xbyazcd", only_right="a", only_wrong="a", not_found="x"), judged)
    values = {query: (bpref, ndcg) for query, bpref, ndcg in found.iter_rows()}
    assert set(values) == {"q", "not_found"}
    # The condensed list is b a c d: before a and before c stands one of two wrong ones.
    assert values["q"][0] == pytest.approx((1 - 1 / 2 + 1 - 1 / 2) / 2)
    assert values["q"][1] == pytest.approx(
        (1 / math.log2(3) + 1 / math.log2(4)) / (1 + 1 / math.log2(3))
    )
    assert values["not_found"] == (0.0, 0.0)


def test_unjudged_documents_change_nothing():
    judged = qrels(q={"a": 1, "b": 0})
    assert judged_only(ranked(q="ba"), judged).equals(judged_only(ranked(q="xyzbwa"), judged))


def test_only_right_answers_are_refused():
    with pytest.raises(Refused, match="this measure would equal recall"):
        judged_only(ranked(q="a"), qrels(q={"a": 1, "b": 2}))
    with pytest.raises(Refused, match="this measure would equal recall"):
        judged_only(ranked(q="a"), qrels(q={"a": 1}, other={"b": 0}))


def test_a_ranking_is_read_as_it_was_written(workspace: Path):
    run = pl.DataFrame(
        {
            "query_id": ["q 1", "q 1", "é"],
            "doc_id": ['d"1', "d,2", "#3"],
            "score": [1.5, 1e-7, -3.0],
        }
    )
    write_run(run, "a name", Path("reports/runs/r1/ours.trec"))
    assert ranking_of("r1", "ours", 10).rows() == [
        ("q 1", 'd"1', 1, 1.5),
        ("q 1", "d,2", 2, 1e-7),
        ("é", "#3", 1, -3.0),
    ]
    assert len(ranking_of("r1", "ours", 1)) == 2
