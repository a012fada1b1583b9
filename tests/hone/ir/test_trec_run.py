"""Ids of any kind in a run file: read back as they were written, and six fields a line for
whoever else reads it.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.errors import Refused
from hone.ir.trec_run import decoded, encoded, ranking_of, write_run

ODD = [
    "a b",
    "x\ny",
    "t\tt",
    '"q"',
    "a/b",
    "ü漢",
    "5%",
    "%41",
    "no\u00a0break",
    "a\u2028b",
    "\ufeffb",
    " Q0 ",
    "#c",
    "\r",
]
FILE = Path("reports/runs/r1/ours.trec")


def test_only_what_breaks_a_line_is_encoded():
    written = ["a%20b", "x%0Ay", "t%09t", '"q"', "a/b", "ü漢", "5%25", "%2541"]
    assert encoded(pl.Series(ODD[:8])).to_list() == written


@given(st.lists(st.text(min_size=1), min_size=1))
def test_whatever_an_id_is_it_comes_back_and_is_one_field(ids: list[str]):
    made = encoded(pl.Series(ids))
    assert decoded(made).to_list() == ids
    assert all(one.split() == [one] and one.splitlines() == [one] for one in made)


def test_a_run_of_odd_ids_is_read_as_it_was_written_here_and_elsewhere(workspace: Path):
    import ir_measures

    rows = [(query, doc, 1.0 / place) for query in ODD for place, doc in enumerate(ODD, start=1)]
    run = pl.DataFrame(rows, schema=["query_id", "doc_id", "score"], orient="row")
    write_run(run, "r1", FILE)
    found = ranking_of("r1", "ours", 100)
    assert found.select("query_id", "doc_id", "score").rows() == rows
    assert found["rank"].to_list() == list(range(1, len(ODD) + 1)) * len(ODD)
    assert len(list(ir_measures.read_trec_run(str(FILE)))) == len(rows)


def test_an_empty_ranking_is_one(workspace: Path):
    write_run(
        pl.DataFrame(schema={"query_id": pl.String, "doc_id": pl.String, "score": pl.Float32}),
        "r1",
        FILE,
    )
    assert ranking_of("r1", "ours", 100).is_empty()


def test_what_is_no_run_is_refused(workspace: Path):
    with pytest.raises(Refused, match="is missing"):
        ranking_of("r1", "ours", 100)
    FILE.parent.mkdir(parents=True)
    for text in ("q Q0 d first 0.5 r1\n", "q Q0 a document 1 0.5 r1\n"):
        FILE.write_text(text)
        with pytest.raises(Refused, match="is not a TREC run file"):
            ranking_of("r1", "ours", 100)
