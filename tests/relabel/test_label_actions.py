"""Verdicts -> labels: each `action` by hand, and that no pair is lost."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.config.sections.relabel import Band
from hone.data import tables
from hone.data.unknown import is_dropped, is_masked
from hone.layout import PAIR
from tasks.relabel.label_actions import ACTIONS, actions, relabelled, unconfirmed, unread, without


def labels(known: list[tuple[str, str]], mined: list[tuple[str, str]]) -> pl.DataFrame:
    rows = [(query, doc, "positive", None, 1.0, "qrels") for query, doc in known]
    places: dict[str, int] = {}
    for query, doc in mined:
        places[query] = places.get(query, 0) + 1
        rows.append((query, doc, "negative", places[query], 1.0, None))
    return tables.shaped(
        "labels",
        pl.DataFrame(
            rows, schema=["query_id", "doc_id", "label", "rank", "weight", "judge"], orient="row"
        ),
    )


def final(*rows: tuple[str, str, str, float | None]) -> pl.DataFrame:
    frame = pl.DataFrame(
        rows,
        schema={
            "query_id": pl.String,
            "doc_id": pl.String,
            "verdict": pl.String,
            "probability": pl.Float32,
        },
        orient="row",
    )
    verdict = pl.Enum(["positive", "negative", "unknown"])
    reason = pl.when(pl.col("verdict") == "unknown").then(pl.lit("timed out"))
    return frame.with_columns(
        pl.col("verdict").cast(verdict),
        grade=pl.lit(None, dtype=pl.Float32),
        judge=pl.lit("strong"),
        reason=reason,
    )


JOINED = labels(
    [("q1", "p"), ("q2", "p")], [("q1", "a"), ("q1", "b"), ("q1", "c"), ("q2", "a"), ("q2", "b")]
)
DECIDED = final(
    ("q1", "a", "positive", 0.9),
    ("q1", "b", "negative", 0.1),
    ("q1", "c", "unknown", None),
    ("q2", "a", "negative", 0.2),
)


def bands(*steps: tuple[float, str]) -> list[Band]:
    return [Band.model_validate({"from": start, "action": action}) for start, action in steps]


def ends(
    then: str | list[Band], most_hits: int | None = None
) -> tuple[dict[str, tuple], list[tuple]]:
    """Label, rank and weight of each mined pair that is left, and the rows of `removed`."""
    made = relabelled(JOINED, actions(DECIDED, then), most_hits)
    left = {
        f"{query}{doc}": (label, rank, round(weight, 3))
        for query, doc, label, rank, weight in made.labels.select(
            *PAIR, pl.col("label").cast(pl.String), "rank", "weight"
        ).iter_rows()
        if doc != "p"
    }
    return left, made.removed.select("query_id", "doc_id", "rule").rows()


UNTOUCHED = {"q2a": ("negative", 1, 1.0), "q2b": ("negative", 2, 1.0)}


def test_other_pairs_stay_and_unknown_ones_are_masked():
    left, removed = ends("keep")
    assert left == {
        "q1a": ("negative", 1, 1.0),
        "q1b": ("negative", 2, 1.0),
        "q1c": ("unknown", None, 1.0),
        **UNTOUCHED,
    }
    assert removed == []


def test_a_dropped_pair_is_unknown_for_that_reason_and_the_next_negative_takes_its_rank():
    left, removed = ends("drop")
    assert left == {
        "q1a": ("unknown", None, 1.0),
        "q1b": ("negative", 1, 1.0),
        "q1c": ("unknown", None, 1.0),
        **UNTOUCHED,
    }
    assert removed == [("q1", "a", "judge")]
    states = relabelled(JOINED, actions(DECIDED, "drop"), None).labels.select(
        *PAIR, dropped=is_dropped(), masked=is_masked()
    )
    assert states.filter("dropped").select(PAIR).rows() == [("q1", "a")]
    assert states.filter("masked").select(PAIR).rows() == [("q1", "c")]


def test_a_promoted_pair_is_a_positive_without_rank_so_that_later_rounds_keep_it():
    left, removed = ends("promote")
    assert left == {
        "q1a": ("positive", None, 1.0),
        "q1b": ("negative", 1, 1.0),
        "q1c": ("unknown", None, 1.0),
        **UNTOUCHED,
    }
    assert removed == []


def test_a_masked_pair_is_unknown():
    assert ends("mask")[0]["q1a"] == ("unknown", None, 1.0)


def test_a_weighted_pair_counts_as_much_as_it_is_probably_negative():
    assert ends("weight")[0]["q1a"] == ("negative", 1, 0.1)


def test_a_query_is_dropped_with_all_its_labels():
    left, removed = ends("drop-query")
    assert left == UNTOUCHED
    assert removed == [("q1", None, "judge")]


def test_bands_decide_by_the_highest_one_reached():
    left, removed = ends(bands((0.15, "mask"), (0.8, "drop")))
    assert left == {
        "q1a": ("unknown", None, 1.0),
        "q1b": ("negative", 1, 1.0),
        "q1c": ("unknown", None, 1.0),
        "q2a": ("unknown", None, 1.0),
        "q2b": ("negative", 1, 1.0),
    }
    assert removed == [("q1", "a", "judge")]


def test_without_probabilities_a_verdict_counts_as_one_or_nought():
    decided = actions(
        final(("q1", "a", "positive", None), ("q1", "b", "negative", None)), bands((0.5, "drop"))
    )
    assert decided["action"].to_list() == ["drop", "keep"]


def test_queries_with_too_many_hits_are_set_aside_as_rlhn_does():
    decided = final(
        ("q1", "a", "positive", None), ("q1", "b", "positive", None), ("q2", "a", "positive", None)
    )
    made = relabelled(JOINED, actions(decided, "promote"), most_hits=1)
    assert made.labels["query_id"].unique().to_list() == ["q2"]
    assert made.removed.select("query_id", "doc_id", "rule", "detail").rows() == [
        ("q1", None, "too-many-hits", "2 found, at most 1")
    ]


def test_promotion_that_is_not_allowed_becomes_a_drop():
    decided = without("promote", "drop", actions(DECIDED, "promote"))
    assert decided["action"].to_list() == ["drop", "keep", "mask", "keep"]


def test_grades_go_into_the_labels_when_a_loss_learns_from_them():
    decided = final(("q1", "a", "negative", None)).with_columns(
        grade=pl.lit(-1.5, dtype=pl.Float32)
    )
    made = relabelled(JOINED, actions(decided, "keep"), None, grades=True).labels.filter(
        pl.col("query_id") == "q1"
    )
    of = dict(made.select("doc_id", "grade").iter_rows())
    assert of == {"p": None, "a": -1.5, "b": None, "c": None}


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["q1", "q2"]),
            st.sampled_from("abcdef"),
            st.sampled_from(["positive", "negative", "unknown"]),
        ),
        unique_by=lambda row: row[:2],
        max_size=12,
    ),
    st.sampled_from(["keep", "drop", "mask", "weight", "promote", "drop-query"]),
    st.one_of(st.none(), st.integers(1, 4)),
)
def test_every_pair_has_exactly_one_end(rows, then, most_hits):
    mined = [(query, doc) for query in ("q1", "q2") for doc in "abcdef"]
    before = labels([("q1", "p"), ("q2", "p")], mined)
    decided = final(*[(*row, None) for row in rows])
    made = relabelled(before, actions(decided, then), most_hits)
    left = made.removed.filter(pl.col("doc_id").is_null())["query_id"].to_list()
    assert len(set(left)) == len(left)
    stays = set(made.labels.filter(~is_dropped()).select(PAIR).iter_rows())
    removed = set(made.removed.filter(pl.col("doc_id").is_not_null()).select(PAIR).iter_rows())
    assert stays.isdisjoint(removed)
    assert stays | removed | {
        row for row in before.select(PAIR).iter_rows() if row[0] in left
    } == set(before.select(PAIR).iter_rows())
    assert not [
        row for row in made.labels.filter(pl.col("label") != "negative")["rank"] if row is not None
    ]
    for (_,), part in made.labels.filter(pl.col("rank").is_not_null()).group_by("query_id"):
        assert sorted(part["rank"]) == list(range(1, len(part) + 1))
    assert set(made.labels.filter(is_dropped()).select(PAIR).iter_rows()) == removed
    masked = made.labels.join(decided.filter(pl.col("verdict") == "unknown"), on=PAIR, how="semi")
    assert (masked["label"].cast(pl.String) == "unknown").all()


@settings(deadline=None)
@given(
    st.permutations([(query, doc) for query in ("q1", "q2", "q3", "q4") for doc in "pabc"]),
    st.lists(
        st.tuples(
            st.sampled_from(["positive", "negative", "unknown"]),
            st.one_of(st.none(), st.floats(0, 1, width=32)),
        ),
        min_size=10,
        max_size=16,
    ),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(ACTIONS)), min_size=1, max_size=4),
    st.one_of(st.none(), st.integers(1, 3)),
    st.booleans(),
)
def test_labels_that_are_made_a_few_rows_at_a_time_are_those_that_are_made_at_once(
    pairs, verdict_list, steps, most_hits, grades
):
    queries = ("q1", "q2", "q3", "q4")
    joined = labels(
        [("q3", "p"), ("q1", "p"), ("q3", "x")],
        [(query, doc) for query in queries for doc in "abc"],
    )
    decided_rows = final(
        *[(*pair, *verdict) for pair, verdict in zip(pairs, verdict_list, strict=False)]
    )
    decided = actions(decided_rows.with_columns(grade=pl.lit(2, dtype=pl.Float32)), bands(*steps))
    at_once = relabelled(joined, decided, most_hits, grades)
    for size in (1, 4, 7):
        made = relabelled(joined, decided, most_hits, grades, size)
        assert made.labels.equals(at_once.labels)
        assert made.removed.equals(at_once.removed)
        assert made.actions == at_once.actions


def test_labels_of_no_pair_are_an_empty_table():
    made = relabelled(tables.empty("labels"), actions(final(), "drop"), None)
    assert made.labels.equals(tables.empty("labels"))
    assert made.removed.is_empty()


VERDICTS = ("positive", "negative", "unknown")
JUDGED = st.lists(
    st.tuples(
        st.sampled_from(VERDICTS), st.integers(1, 3), st.sampled_from([None, 0.2, 0.6, 0.95])
    ),
    max_size=12,
)


@given(
    verdict_list=JUDGED,
    then=st.sampled_from(["drop", "mask", "promote", bands((0.5, "drop"), (0.9, "promote"))]),
    instead=st.sampled_from(["keep", "drop", "mask"]),
    confirmed_at=st.sampled_from([None, 2, 3]),
)
def test_only_what_the_confirming_judge_read_meets_the_end_of_what_is_found(
    verdict_list, then, instead: str, confirmed_at: int | None
):
    """A proposal meets `instead`; every other pair what it met before: confirmed, unanswered and
    never found.
    """
    rows = final(
        *[
            (f"q{row}", "d", verdict, probability)
            for row, (verdict, _, probability) in enumerate(verdict_list)
        ]
    )
    decided = actions(
        rows.with_columns(place=pl.Series([place for _, place, _ in verdict_list], dtype=pl.Int8)),
        then,
    )
    made = unconfirmed(decided, instead, confirmed_at)["action"].to_list()
    proposals = decided.select(unread(confirmed_at)).to_series().to_list()
    for (verdict, place, _), before, after, proposed in zip(
        verdict_list, decided["action"].to_list(), made, proposals, strict=True
    ):
        assert proposed == (before != "keep" and verdict != "unknown" and place != confirmed_at)
        assert after == (instead if proposed else before)
