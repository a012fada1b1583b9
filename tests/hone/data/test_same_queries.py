"""Queries with the same text under several ids: what is known of one is no negative of the
others.
"""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.data import tables
from hone.data.same_queries import share_labels
from hone.data.unknown import is_dropped, is_masked

Row = tuple[str, str, str, int | None]


def labels(*rows: Row, reason: str | None = None) -> pl.DataFrame:
    frame = pl.DataFrame(
        rows,
        schema={"query_id": pl.String, "doc_id": pl.String, "label": pl.String, "rank": pl.Int32},
        orient="row",
    )
    return tables.shaped("labels", frame.with_columns(judge=pl.lit("local"), reason=pl.lit(reason)))


def queries(**texts: str) -> pl.DataFrame:
    return pl.DataFrame({"query_id": list(texts), "text": list(texts.values()), "collection": "c"})


def rows(frame: pl.DataFrame) -> list[Row]:
    return sorted(
        frame.select("query_id", "doc_id", pl.col("label").cast(pl.String), "rank").rows(), key=str
    )


TWO = queries(q1="reset my password", q2="Reset my password ", q3="something else")


def test_a_positive_of_another_spelling_is_unknown_and_the_next_negative_moves_up():
    """q1's d2 is q2's positive: it is no negative of q1, and q1's second negative becomes its
    first.
    """
    found = share_labels(
        labels(
            ("q1", "d1", "positive", None),
            ("q1", "d2", "negative", 1),
            ("q1", "n", "negative", 2),
            ("q2", "d2", "positive", None),
            ("q3", "d1", "negative", 1),
        ),
        TWO,
    )
    assert rows(found) == sorted(
        [
            ("q1", "d1", "positive", None),
            ("q1", "d2", "unknown", None),
            ("q1", "n", "negative", 1),
            ("q2", "d2", "positive", None),
            ("q2", "d1", "unknown", None),
            ("q3", "d1", "negative", 1),
        ],
        key=str,
    )
    marked = (
        found.filter(pl.col("judge") == "same-query").select("query_id", "doc_id", "reason").rows()
    )
    assert ("q1", "d2", "positive for the query q2, which has the same text") in marked


def test_positives_stay_positives_and_a_second_pass_changes_nothing():
    once = share_labels(labels(("q1", "d", "positive", None), ("q2", "d", "positive", None)), TWO)
    assert rows(once) == [("q1", "d", "positive", None), ("q2", "d", "positive", None)]
    more = share_labels(labels(("q1", "d", "positive", None), ("q2", "e", "unknown", None)), TWO)
    assert share_labels(more, TWO).equals(more)


def test_a_dropped_pair_is_dropped_for_every_spelling_and_masked_for_a_third():
    found = share_labels(
        labels(("q1", "d", "unknown", None), ("q2", "d", "negative", 1), reason="dropped"), TWO
    )
    assert found.filter(is_dropped())["query_id"].to_list() == ["q1", "q2"]
    three = queries(q1="reset my password", q2="Reset my password ", q3="reset my  password")
    known = labels(("q3", "d", "positive", None))
    found = share_labels(
        pl.concat([labels(("q1", "d", "unknown", None), reason="dropped"), known]), three
    )
    assert found.filter(is_masked())["query_id"].to_list() == ["q2"]


def test_what_was_shared_goes_when_a_person_takes_its_reason_back():
    shared = share_labels(labels(("q1", "d", "positive", None), ("q2", "e", "positive", None)), TWO)
    assert ("q2", "d", "unknown", None) in rows(shared)
    taken = shared.with_columns(
        label=pl.when(
            pl.struct("query_id", "doc_id") == pl.struct(query_id=pl.lit("q1"), doc_id=pl.lit("d"))
        )
        .then(pl.lit("negative"))
        .otherwise(pl.col("label").cast(pl.String))
        .cast(shared.schema["label"])
    )
    assert rows(share_labels(taken, TWO)) == sorted(
        [
            ("q1", "d", "negative", None),
            ("q1", "e", "unknown", None),
            ("q2", "e", "positive", None),
        ],
        key=str,
    )


@pytest.mark.parametrize("reason", [None, "dropped"])
def test_a_persons_word_on_a_pair_stands_whatever_the_same_query_has(reason: str | None):
    """A person said that d is no answer to q2, in this round (`decided`) or an earlier one, and
    that e, which q2 mined, is none.
    """
    known = labels(
        ("q1", "d", "unknown", None),
        ("q1", "e", "positive", None),
        ("q1", "f", "positive", None),
        reason=reason,
    )
    persons = labels(("q2", "d", "negative", None)).with_columns(judge=pl.lit("person"))
    mined = labels(("q2", "e", "negative", 1), ("q2", "f", "negative", 2))
    found = share_labels(
        pl.concat([known, persons, mined]),
        TWO,
        pl.DataFrame({"query_id": ["q2"], "doc_id": ["e"], "label": ["negative"]}),
    )
    assert rows(found.filter(pl.col("query_id") == "q2")) == [
        ("q2", "d", "negative", None),
        ("q2", "e", "negative", 1),
        ("q2", "f", "unknown", None),
    ]


def test_what_a_judge_could_not_read_in_one_round_is_not_passed_on():
    found = share_labels(labels(("q1", "d", "unknown", None), reason="timed out: after 60 s"), TWO)
    assert rows(found) == [("q1", "d", "unknown", None)]


def test_the_same_text_in_two_collections_shares_no_labels():
    apart = TWO.with_columns(collection=pl.Series(["a", "b", "b"]))
    before = labels(("q1", "d1", "positive", None), ("q2", "d2", "positive", None))
    assert share_labels(before, apart).equals(before)


def test_queries_without_a_letter_are_not_the_same():
    before = labels(("q1", "d1", "positive", None), ("q2", "d2", "positive", None))
    assert share_labels(before, queries(q1="?", q2="!")).equals(before)


@given(
    given=st.dictionaries(
        st.tuples(st.sampled_from(["q1", "q2", "q3"]), st.sampled_from("abcd")),
        st.sampled_from(["positive", "negative", "unknown"]),
        max_size=12,
    )
)
def test_no_negative_is_known_to_the_same_query_and_nothing_else_changes(
    given: dict[tuple[str, str], str],
):
    counts = dict.fromkeys(["q1", "q2", "q3"], 0)
    table = []
    for (query, doc), label in given.items():
        counts[query] += label == "negative"
        table.append((query, doc, label, counts[query] if label == "negative" else None))
    found = share_labels(labels(*table), TWO)
    after = {(query, doc): label for query, doc, label, _ in rows(found)}
    known = {
        doc
        for query in ("q1", "q2")
        for doc in "abcd"
        if given.get((query, doc), "negative") != "negative"
    }
    for (query, doc), label in after.items():
        same = query != "q3" and doc in known
        assert label == (
            "unknown"
            if same and given.get((query, doc), "negative") == "negative"
            else given[query, doc]
        )
    ranks = (
        found.filter(pl.col("rank").is_not_null())
        .sort("query_id", "rank")
        .group_by("query_id", maintain_order=True)
        .agg("rank")
    )
    assert all(row == list(range(1, len(row) + 1)) for row in ranks["rank"].to_list())
