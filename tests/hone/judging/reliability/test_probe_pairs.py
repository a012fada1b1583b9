"""Which pairs a judge is measured on, and what it is shown with them."""

from __future__ import annotations

import polars as pl
import pytest

from hone.judging.reliability.probe_pairs import PairSets, pair_sets
from hone.layout import PAIR

IDS = pl.Series("doc_id", [f"d{number}" for number in range(50)])
SCHEMA = {"query_id": pl.String, "doc_id": pl.String, "label": pl.String}
LABELS = pl.DataFrame(
    [
        *(("many", f"d{number}", "positive") for number in range(5)),
        *(("two", f"d{number}", "positive") for number in (10, 11)),
        ("one", "d20", "positive"),
        ("one", "d21", "negative"),
        ("none", "d22", "negative"),
        ("two", "d23", "unknown"),
        ("two", "without text", "positive"),
    ],
    schema=SCHEMA,
    orient="row",
)
HIDDEN = pl.DataFrame({"query_id": ["one", "none"], "doc_id": ["d30", "d31"]})


def sets(most: int = 100, seed: int = 1, **more: pl.DataFrame) -> PairSets:
    return pair_sets(LABELS, more.pop("hidden", HIDDEN), IDS, most, seed, **more)


def of(made: PairSets, name: str) -> set[tuple[str, str]]:
    return set(made.pairs.filter(pl.col("set") == name).select(PAIR).rows())


def test_no_known_answer_is_shown_as_its_own_proof():
    made = sets()
    judged_and_shown = made.pairs.join(made.shown_positives, on=PAIR, how="inner")
    assert judged_and_shown.is_empty()
    # Of five answers two are asked about, of two one, of one none.
    assert sorted(query for query, _ in of(made, "known")) == ["many", "many", "two"]
    assert sorted(made.shown_positives["query_id"]) == ["many", "many", "many", "one", "two"]
    assert made.left_out["labelled positives that are their query's only one"] == 1


def test_every_query_has_an_answer_to_show():
    made = sets()
    assert made.pairs.join(made.shown_positives, on="query_id", how="anti").is_empty()
    assert of(made, "not-relevant") == {("one", "d21")}
    assert of(made, "hidden") == {("one", "d30")}
    assert made.left_out["pairs judged not relevant whose query has no labelled positive"] == 1
    assert made.left_out["labels on documents without a text"] == 1


def test_random_documents_are_none_that_anybody_knows():
    made = sets()
    drawn = of(made, "random")
    assert len(drawn) > 50
    assert not drawn & set(LABELS.select(PAIR).rows())
    assert not drawn & set(HIDDEN.rows())
    assert {doc for _, doc in drawn} <= set(IDS)


def test_truth_goes_with_the_set():
    assert dict(sets().pairs.select("set", "truth").unique().rows()) == {
        "known": True,
        "hidden": True,
        "not-relevant": False,
        "random": False,
    }


def test_the_same_seed_asks_the_same_and_a_larger_number_asks_more():
    few, more = sets(2), sets(10)
    assert few.pairs.equals(sets(2).pairs)
    for name in ("known", "random", "hidden", "not-relevant"):
        assert of(few, name) <= of(more, name)
        assert len(of(few, name)) <= 2
    assert of(few, "random") != of(sets(2, seed=2), "random")


def test_each_query_is_drawn_before_any_is_drawn_twice():
    assert {query for query, _ in of(sets(2), "known")} == {"many", "two"}
    assert {query for query, _ in of(sets(3), "random")} == {"many", "two", "one"}


@pytest.mark.parametrize("doc", [f"d{number}" for number in range(5)])
def test_what_people_judged_comes_first(doc: str):
    assert ("many", doc) in of(
        sets(1, first=pl.DataFrame({"query_id": ["many"], "doc_id": [doc]})), "known"
    )


def test_nothing_to_draw_from():
    made = pair_sets(LABELS.clear(), HIDDEN.clear(), IDS, 10, 1)
    assert made.pairs.is_empty()
    assert made.shown_positives.is_empty()
