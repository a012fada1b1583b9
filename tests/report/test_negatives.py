from __future__ import annotations

from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from hone.data import tables
from hone.layout import PAIR
from tasks.report.negatives import CHOSEN, NOT_CHOSEN, assign_fates, count_rounds, read_hidden_pairs
from tests.report.made_up import CANDIDATES, ROUNDS, write_all, write_collection, write_training


def test_where_the_candidates_of_a_round_went(workspace: Path):
    write_all()
    warm_up, r2, r3 = count_rounds(ROUNDS, read_hidden_pairs(write_training(["made-up"])))
    # Seven candidates of r2: two labelled, one too near its positive, two chosen, two left.
    assert {(source, fate): count for source, fate, count in r2.flows.rows()} == {
        ("dense", "chosen"): 2,
        ("dense", "labelled"): 2,
        ("dense", "not chosen"): 2,
        ("dense", "positive-aware"): 1,
    }
    assert (r2.candidates, r2.negatives, r2.queries, r2.queries_removed) == (7, 2, 2, 1)
    assert (r3.candidates, r3.negatives, r3.queries) == (5, 4, 3)
    assert (warm_up.candidates, warm_up.negatives, warm_up.shortage) == (0, 0, {})


def test_hidden_answers_among_the_negatives(workspace: Path):
    write_all()
    warm_up, r2, r3 = count_rounds(ROUNDS, read_hidden_pairs(write_training(["made-up"])))
    # Hidden are q1-d4 (removed in r2), q2-d5 (chosen in r2, left in r3) and q3-d9 (never found).
    assert dict(r2.hidden.rows()) == {
        "positive-aware": 1,
        "chosen": 1,
        "not among the candidates": 1,
    }
    assert (r2.hidden_chosen, r2.hidden_share) == (1, 0.5)
    assert dict(r3.hidden.rows()) == {"not chosen": 1, "not among the candidates": 2}
    assert (r3.hidden_chosen, r3.hidden_share) == (0, 0.0)
    assert (warm_up.hidden_chosen, warm_up.hidden_share) == (0, 0.0)


def test_churn_against_the_last_round_that_mined(workspace: Path):
    write_all()
    warm_up, r2, r3 = count_rounds(ROUNDS, read_hidden_pairs(write_training(["made-up"])))
    assert (warm_up.new, r2.new) == (None, None)  # before r2 nothing was mined
    # Of r3's four pairs only q1-d6 was there in r2.
    assert (r3.new, r3.new_share, r3.before) == (3, 0.75, "r2")


def test_churn_follows_the_branch_and_looks_past_a_round_that_mines_none(workspace: Path):
    write_all()
    branches = {
        "r2": {"from": "r0", "recipe": "mining"},
        "r1": {"from": "r2", "recipe": "warm-up"},
        "r3": {"from": "r1", "recipe": "mining"},
    }
    found = {
        one.round: one
        for one in count_rounds(branches, read_hidden_pairs(write_training(["made-up"])))
    }
    assert (found["r3"].new, found["r3"].before) == (3, "r2")
    apart = {"r2": {"from": "r0", "recipe": "mining"}, "r3": {"from": "r0", "recipe": "mining"}}
    assert count_rounds(apart, read_hidden_pairs(write_training(["made-up"])))[1].new is None


def test_ids_of_hidden_answers_carry_the_collection_where_several_are_trained_on(workspace: Path):
    for name in ("one", "other"):
        write_collection(name)
    assert read_hidden_pairs(write_training(["one", "other"])).row(0) == ("one/q1", "one/d4")
    assert len(read_hidden_pairs(write_training(["one", "other"]))) == 6
    assert read_hidden_pairs(write_training(["one"])).row(0) == ("q1", "d4")


def test_a_hidden_document_is_found_by_its_chunks(workspace: Path):
    """d5 is hidden from q2 by the name of its parent: the negative d5 is a right answer all the
    same.
    """
    write_all()
    file = Path("data/made-up/documents.parquet")
    documents = tables.read("documents", file)
    parent = pl.when(pl.col("doc_id") == "d5").then(pl.lit("whole"))
    tables.write("documents", documents.with_columns(parent_id=parent.cast(pl.String)), file)
    hidden = Path("data/made-up/hidden.parquet")
    before = count_rounds(ROUNDS, read_hidden_pairs(write_training(["made-up"])))
    named = tables.read("hidden", hidden).with_columns(pl.col("doc_id").replace("d5", "whole"))
    assert "whole" in named["doc_id"]
    tables.write("hidden", named, hidden)
    after = count_rounds(ROUNDS, read_hidden_pairs(write_training(["made-up"])))
    assert [one.hidden_chosen for one in after] == [one.hidden_chosen for one in before]
    assert sum(one.hidden_chosen for one in after) > 0


def test_no_hidden_table(workspace: Path):
    write_all()
    Path("data/made-up/hidden.parquet").unlink()
    found = count_rounds(ROUNDS, read_hidden_pairs(write_training(["made-up"])))
    assert [(one.hidden_chosen, len(one.hidden)) for one in found] == [(0, 0)] * 3


def pairs(rows: list[tuple], *more: str) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys((*PAIR, *more), pl.String), orient="row")


def test_a_candidate_of_two_sources_counts_once_under_the_better_and_a_fill_under_its_own():
    candidates = pairs([("q1", "d1", "bm25"), ("q1", "d1", "dense")], "source").with_columns(
        rank=pl.Series([7, 2])
    )
    negatives = pairs([("q1", "d1", "bm25"), ("q1", "d5", "random-fill")], "source")
    found = assign_fates(candidates, negatives, pairs([], "rule"))
    assert found.rows() == [("q1", "d1", "dense", CHOSEN), ("q1", "d5", "random-fill", CHOSEN)]


@given(st.data())
def test_every_candidate_has_one_fate(data: st.DataObject):
    all_pairs = [pair for rows in CANDIDATES.values() for pair in rows]
    ranked = data.draw(st.lists(st.sampled_from(all_pairs), min_size=1, max_size=12))
    fate = {
        pair: data.draw(st.sampled_from([CHOSEN, NOT_CHOSEN, "labelled", "same-text"]))
        for pair in set(ranked)
    }
    candidates = pairs(
        [(*pair, f"s{place % 2}") for place, pair in enumerate(ranked)], "source"
    ).with_row_index("rank")
    negatives = pairs([(*pair, "s0") for pair, kind in fate.items() if kind == CHOSEN], "source")
    removed = pairs(
        [(*pair, kind) for pair, kind in fate.items() if kind not in (CHOSEN, NOT_CHOSEN)], "rule"
    )
    found = assign_fates(candidates, negatives, removed)
    assert {(query_id, doc_id): kind for query_id, doc_id, _, kind in found.rows()} == fate
    assert len(found) == len(fate)
