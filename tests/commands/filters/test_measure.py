"""`hone filters measure` on candidates whose truth is known, by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from commands.__main__ import app
from commands.filters.measure import Found, measure_filters, measured
from hone.data import tables
from hone.errors import Refused
from tests.prepared import pairs, prepare, write_rows

# Of both queries: d1 is known, d2 hidden and near to it, d3 and d4 are neither.
SCORES = {"d1": 0.8, "d2": 0.79, "d3": 0.74, "d4": 0.4}
QUERIES = ("q1", "q2")


@pytest.fixture
def mined(workspace: Path) -> None:
    words = ("alpha", "beta", "gamma", "delta")
    write_rows(
        Path("inputs/ours"),
        [
            {"doc_id": doc, "text": f"{word} {word}s and nothing else"}
            for doc, word in zip(SCORES, words, strict=True)
        ],
        [{"query_id": query, "text": f"what is {query}", "split": "train"} for query in QUERIES],
        pairs(*((query, "d1") for query in QUERIES)),
    )
    prepare(rounds={"r1": {"from": "r0", "recipe": "top-k"}})
    found = [
        (query, doc, "dense", place, score)
        for query in QUERIES
        for place, (doc, score) in enumerate(SCORES.items(), start=1)
    ]
    tables.write(
        "candidates",
        frame("candidates", found, ["query_id", "doc_id", "source", "rank", "score"]),
        Path("rounds/r1/candidates.parquet"),
    )
    scored = [(query, doc, "dense", score) for query in QUERIES for doc, score in SCORES.items()]
    tables.write(
        "scores",
        frame("scores", scored, ["query_id", "doc_id", "scorer", "score"]),
        Path("rounds/r1/scores.parquet"),
    )
    hide("d2")


def hide(*docs: str) -> None:
    rows = [(query, doc, 1, 1.0, "hidden") for query in QUERIES for doc in docs]
    made = frame("hidden", rows, ["query_id", "doc_id", "relevance", "weight", "source"])
    tables.write("hidden", made, Path("data/ours/hidden.parquet"))


def frame(table: str, rows: list, names: list[str]) -> pl.DataFrame:
    return tables.shaped(table, pl.DataFrame(rows, schema=names, orient="row"))


def test_each_share_by_hand(mined: None, capsys: pytest.CaptureFixture[str]):
    found = {one.who: one for one in measure_filters("r1", depth=10, keep=2)}
    # The known answer leaves by a guard: three candidates of each query, one of them hidden.
    assert figures(found["none"]) == (0, 0, None, 0.5)
    # .95 of .8 is .76: d2 goes, d3 (.74) and d4 stay. .9 of it is .72: d3 goes too.
    assert figures(found["positive-aware share 0.95"]) == (1, 0, 1, 0)
    assert figures(found["positive-aware share 0.9"]) == (1, 0.5, 0.5, 0)
    assert figures(found["positive-aware share 1"]) == (0, 0, None, 0.5)
    output = capsys.readouterr().out
    assert "6 candidates (the first 10 of 2 queries), 2 of them held-out positives" in output
    assert "hone judge check" in output


def figures(one: Found) -> tuple:
    return one.recall.estimate, one.others, one.precision, one.left


def test_what_is_kept_is_looked_at_in_the_order_of_the_candidates():
    marked = pl.DataFrame(
        {"query_id": ["q", "q", "q"], "doc_id": ["a", "b", "c"], "hidden": [False, False, True]}
    )
    assert measured("x", marked, marked.clear().select("query_id", "doc_id"), keep=2).left == 0
    assert measured("x", marked, marked[[0]].select("query_id", "doc_id"), keep=2).left == 0.5
    everything = measured("x", marked, marked.select("query_id", "doc_id"), keep=2)
    assert (everything.recall.estimate, everything.others, everything.left) == (1, 1, None)


def test_without_scores_no_rule_that_needs_some_is_tried(mined: None):
    tables.write("scores", tables.empty("scores"), Path("rounds/r1/scores.parquet"))
    assert [one.who for one in measure_filters("r1")] == ["none"]


def test_what_cannot_be_measured_is_refused(mined: None):
    with pytest.raises(Refused, match="params.yaml has no round 'r11': did you mean 'r1'"):
        measure_filters("r11")
    with pytest.raises(Refused, match="--depth is 0. Use 1 or more"):
        measure_filters("r1", depth=0)
    with pytest.raises(Refused, match="--negatives is 0. Use 1 or more"):
        measure_filters("r1", keep=0)
    hide("d1")  # it leaves by a guard
    with pytest.raises(Refused, match="None of 2 held-out positives is among the candidates"):
        measure_filters("r1")
    Path("data/ours/hidden.parquet").unlink()
    with pytest.raises(Refused, match="There are no held-out positives. Set a collection's `hide`"):
        measure_filters("r1")
    tables.write("candidates", tables.empty("candidates"), Path("rounds/r1/candidates.parquet"))
    with pytest.raises(Refused, match="Round r1 has no candidates"):
        measure_filters("r1")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["measure", "r1", "--negatives", "0"], "--negatives is 0"),
        (["train", "r1", "--seeds", "1"], "--seeds is 1"),
    ],
)
def test_options_reach_the_command(workspace: Path, words: list[str], message: str):
    found = CliRunner().invoke(app, ["filters", *words])
    assert str(found.exception).startswith(message)


def test_measuring_has_no_options_of_training(workspace: Path):
    found = CliRunner().invoke(app, ["filters", "measure", "r1", "--seeds", "5"])
    assert found.exit_code == 2
