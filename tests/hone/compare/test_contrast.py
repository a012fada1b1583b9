from __future__ import annotations

from pathlib import Path

import pytest

from hone.compare.contrast import (
    choose_round,
    combine_collections,
    find_base,
    find_largest_changes,
    order_names,
    score_rounds,
)
from hone.errors import Refused
from tests.report.made_up import DEV, ROUNDS, TEST, write_all, write_collection, write_scores

REFERENCES = ["r0", "bm25"]


def test_counts_and_differences_against_the_base_and_the_start(workspace: Path):
    write_all()
    found = {score.name: score for score in score_rounds(ROUNDS, REFERENCES, ["made-up"], 13)}
    assert list(found) == ["bm25", "r0", "r1", "r2", "r3"]
    r2 = found["r2"]
    # r2 - r0 = 1, 0.5, 0, -0.5: mean 0.25; r2 - r1 = 0.5, 0.5, 0, -0.5: mean 0.125.
    assert (
        r2.base.other,
        r2.base.difference.mean,
        r2.base.better,
        r2.base.worse,
        r2.base.equal,
    ) == ("r0", 0.25, 2, 1, 1)
    assert (
        r2.start.other,
        r2.start.difference.mean,
        r2.start.better,
        r2.start.worse,
        r2.start.equal,
    ) == ("r1", 0.125, 2, 1, 1)
    assert (r2.own.mean, r2.split, r2.queries) == (0.75, "test", 4)
    assert r2.dev == pytest.approx(0.9)
    assert found["r0"].base is None
    assert found["r1"].start is None  # its start is the base
    assert found["bm25"].base.difference.mean == -0.25


def test_the_same_seed_gives_the_same_intervals_whatever_else_is_shown(workspace: Path):
    write_all(("made-up", "other"))
    both = score_rounds(ROUNDS, REFERENCES, ["other", "made-up"], 13)
    assert [score for score in both if score.collection == "made-up"] == score_rounds(
        ROUNDS, REFERENCES, ["made-up"], 13
    )


def test_queries_are_paired_by_id_and_not_by_place(workspace: Path):
    import polars as pl

    write_all()
    file = Path("reports/queries/r2/made-up.parquet")
    pl.read_parquet(file).filter(pl.col("split") == "test").reverse().write_parquet(file)
    [r2] = [
        score for score in score_rounds(ROUNDS, REFERENCES, ["made-up"], 13) if score.name == "r2"
    ]
    assert (r2.base.better, r2.base.worse, r2.base.equal) == (2, 1, 1)


def test_dev_chooses_and_test_does_not(workspace: Path):
    write_all()
    found = score_rounds(ROUNDS, REFERENCES, ["made-up"], 13)
    assert max(TEST, key=lambda name: sum(TEST[name])) == "r3"
    assert choose_round(found, ROUNDS, "r0") == ("r2", True)


def test_of_equals_the_earliest_is_taken_and_the_base_where_no_round_is_better(workspace: Path):
    write_all()
    for name in ROUNDS:
        write_scores(name, "made-up", TEST[name], DEV["r0"])
    assert choose_round(score_rounds(ROUNDS, REFERENCES, ["made-up"], 13), ROUNDS, "r0") == (
        "r0",
        True,
    )


def test_without_dev_queries_the_last_round_is_taken_and_the_page_says_so(workspace: Path):
    write_all()
    for name, values in TEST.items():
        write_scores(name, "made-up", values, None)
    assert choose_round(score_rounds(ROUNDS, REFERENCES, ["made-up"], 13), ROUNDS, "r0") == (
        "r3",
        False,
    )


def test_without_test_queries_dev_is_shown(workspace: Path):
    write_all()
    for name, values in DEV.items():
        write_scores(name, "made-up", None, values)
    found = score_rounds(ROUNDS, REFERENCES, ["made-up"], 13)
    assert {score.split for score in found} == {"dev"}
    assert {score.queries for score in found} == {2}


@pytest.mark.parametrize(
    ("references", "base", "order"),
    [
        (["r0", "bm25"], "r0", ["bm25", "r0", "r1", "r2", "r3"]),
        (["bm25"], "bm25", ["bm25", "r1", "r2", "r3"]),
        ([], "r1", ["r1", "r2", "r3"]),
    ],
)
def test_references_of_rounds(references: list[str], base: str, order: list[str], workspace: Path):
    write_all()
    assert find_base(ROUNDS, references) == base
    assert order_names(ROUNDS, references) == order
    found = score_rounds(ROUNDS, references, ["made-up"], 13)
    assert [score.name for score in found if score.base is None] == [base]


def test_the_queries_that_changed_most(workspace: Path):
    write_all(texts={"t1": "rose most"})
    rows = find_largest_changes("r2", "r0", "made-up").to_dicts()
    assert [(row["query_id"], row["change"]) for row in rows] == [
        ("t1", 1.0),
        ("t2", 0.5),
        ("t4", -0.5),
    ]
    assert rows[0] | {"text": "rose most", "base": 0.0, "score": 1.0} == rows[0]


def test_a_changed_query_stands_once_however_few_changed(workspace: Path):
    write_collection("made-up")
    write_scores("r0", "made-up", [0.0, 0.5, 0.5, 1.0], None)
    write_scores("r1", "made-up", [0.5, 0.5, 0.5, 1.0], None)
    assert find_largest_changes("r1", "r0", "made-up")["query_id"].to_list() == ["t1"]


def test_several_collections_together_by_mean_and_by_borda_count(workspace: Path):
    write_all(("first", "second"))
    for name, value in {"bm25": 1.0, "r0": 0.5, "r1": 0.5, "r2": 0.25, "r3": 0.0}.items():
        write_scores(name, "second", [value] * 4, DEV[name])
    found = {
        one.name: one
        for one in combine_collections(score_rounds(ROUNDS, REFERENCES, ["first", "second"], 13))
    }
    # First: bm25 .25, r0 .5, r1 .625, r2 .75, r3 .875 beat 0, 1, 2, 3, 4 others; second: 4, 2.5,
    # 2.5, 1, 0.
    assert {name: one.borda for name, one in found.items()} == {
        "bm25": 4,
        "r0": 3.5,
        "r1": 4.5,
        "r2": 4,
        "r3": 4,
    }
    assert found["r1"].mean == pytest.approx((0.625 + 0.5) / 2)
    assert combine_collections(score_rounds(ROUNDS, REFERENCES, ["first"], 13)) == []


def test_what_is_missing_broken_or_out_of_date_is_refused(workspace: Path):
    write_all()
    write_scores("r2", "made-up", [float("nan"), 1.0, 1.0, 1.0], DEV["r2"])
    with pytest.raises(
        Refused, match="query 't1' of made-up has a NaN or infinite score in the evaluation of r2"
    ):
        score_rounds(ROUNDS, REFERENCES, ["made-up"], 13)
    write_scores("r2", "made-up", [1.0, 1.0], DEV["r2"])
    with pytest.raises(
        Refused,
        match=r"r2 and r0 were not evaluated on the same queries of made-up \(2, 4, 2 in both\)",
    ):
        score_rounds(ROUNDS, REFERENCES, ["made-up"], 13)
    Path("reports/queries/r2/made-up.parquet").unlink()
    with pytest.raises(Refused, match="r2 was not evaluated on made-up"):
        score_rounds(ROUNDS, REFERENCES, ["made-up"], 13)
