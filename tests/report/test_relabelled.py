"""What judges made of negatives, as the report tells it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hone.data import tables
from hone.files import read_json, write_json
from tasks.report.negatives import read_hidden_pairs
from tasks.report.relabelled import read_judged_rounds
from tests.report.made_up import ROUNDS, write_all, write_training

STRATUM = {
    "source": "dense",
    "band": "1",
    "negatives": 40,
    "estimate": 0.25,
    "low": 0.05,
    "high": 0.6,
    "count": 9,
}


def judged(workspace_hidden: list[tuple[str, str]] | None = None):
    training = write_training(["made-up"])
    hidden = read_hidden_pairs(training)
    if workspace_hidden:
        hidden = pl.DataFrame(workspace_hidden, schema=["query_id", "doc_id"], orient="row")
    share = {"estimate": 0.1, "low": 0.05, "high": 0.2}
    rates = {"share_of_false_negatives": share, "by_stratum": [STRATUM]}
    evidence = [
        rates | {"elsewhere": None},
        rates | {"elsewhere": "on others"},
        rates | {"elsewhere": None, "by_stratum": None},
    ]
    return read_judged_rounds(ROUNDS, hidden, training, {"r3": evidence})


def test_rounds_that_nobody_judged_are_left_out(workspace: Path):
    write_all()
    assert [one.round for one in judged()] == ["r3"]


def test_counts_costs_and_hidden_answers_by_judge_and_rank(workspace: Path):
    write_all()
    (one,) = judged([("q2", "d8"), ("q1", "d8")])
    (cheap,) = one.judges
    assert (cheap.pairs, cheap.positive, cheap.unknown, cheap.hidden, cheap.hidden_found) == (
        4,
        1,
        1,
        2,
        1,
    )
    assert (cheap.answers, cheap.tokens, cheap.money) == (0, 0, 0.0)
    # q1-d6, q2-d8 and q3-d8 are first among their query's negatives, q1-d8 is second.
    assert cheap.by_band == [
        {"band": "1", "pairs": 3, "positive": 1, "hidden": 1, "found": 1},
        {"band": "2 to 3", "pairs": 1, "positive": 0, "hidden": 1, "found": 0},
    ]
    assert one.shares == [{"estimate": 0.1, "low": 0.05, "high": 0.2}] * 2
    assert one.strata == [STRATUM]


def test_answers_of_other_rounds_cost_nothing_again(workspace: Path):
    write_all()
    account = read_json(Path("rounds/r3/relabel.json"))
    account["judges"][0] |= {"agreed": 0.75, "yes_bias": -0.1}
    write_json(Path("rounds/r3/relabel.json"), account | {"run": "r3 abc "})
    file = Path("rounds/r3/judgments.parquet")
    rows = tables.read("judgments", file).with_columns(
        answer=pl.Series([1, 1, 2, 3], dtype=pl.Int64),
        run=pl.Series(["r3 abc monday", "r3 abc monday", "r2 abc monday", "r3 abc tuesday"]),
        tokens_in=pl.Series([10, None, 1000, 20], dtype=pl.Int32),
        tokens_out=pl.Series([1, None, 1, 2], dtype=pl.Int32),
        money=pl.Series([0.5, None, 9.0, 0.25]),
    )
    tables.write("judgments", tables.shaped("judgments", rows), file)
    (cheap,) = judged()[0].judges
    assert (cheap.answers, cheap.tokens, cheap.money, cheap.before) == (2, 33, 0.75, 1)
    assert (cheap.agreed, cheap.yes_bias) == (0.75, -0.1)


def test_disagreements_of_two_judges_are_listed_with_their_texts(workspace: Path):
    write_all()
    file = Path("rounds/r3/judgments.parquet")
    first = tables.read("judgments", file)
    second = first.filter(pl.col("query_id") == "q2").with_columns(
        judge=pl.lit("strong"),
        place=pl.lit(2, dtype=pl.Int32),
        verdict=pl.lit("negative").cast(first["verdict"].dtype),
    )
    tables.write("judgments", pl.concat([first, second]), file)
    (pair,) = judged()[0].disagreements
    assert (pair.query, pair.doc_id, pair.text) == ("sort a list", "d8", "text of d8")
    assert [(word["judge"], word["verdict"]) for word in pair.verdicts] == [
        ("cheap", "positive"),
        ("strong", "negative"),
    ]
