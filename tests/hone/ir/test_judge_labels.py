"""A judge's labels of holes: below those of the collection, and never more doubt than before."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.errors import Refused
from hone.ir import judge_labels
from hone.ir.unjudged_bounds import bounds, seen
from tests.evaluate.ranked import qrels, ranked

RANKING = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)
VERDICTS = st.sampled_from(["positive", "negative", "unknown"])


def labels(verdicts: dict[str, str], query: str = "q", **more: object) -> pl.DataFrame:
    about = {
        "split": "test",
        "judge": "j",
        "method": "endpoint",
        "fingerprint": "f",
        "models": [],
        **more,
    }
    rows = [
        {"query_id": query, "doc_id": doc, "verdict": verdict, **about}
        for doc, verdict in verdicts.items()
    ]
    return pl.DataFrame(rows, schema_overrides=judge_labels.SCHEMA).select(
        (pl.col(name) if rows and name in rows[0] else pl.lit(None)).cast(kind).alias(name)
        for name, kind in judge_labels.SCHEMA.items()
    )


def test_a_yes_has_the_lowest_grade_that_is_right_and_an_unknown_one_none():
    found = judge_labels.with_filled(
        qrels(q={"a": 3}), labels({"b": "positive", "c": "negative", "d": "unknown"}), 2
    )
    assert dict(found.select("doc_id", "relevance").rows()) == {"a": 3, "b": 2, "c": 0}


def test_the_collections_own_label_counts_more_and_a_query_without_any_stays_without():
    verdicts = pl.concat(
        [labels({"a": "negative", "b": "positive"}), labels({"x": "positive"}, query="other")]
    )
    found = judge_labels.with_filled(qrels(q={"a": 1}), verdicts, 1)
    assert found.rows() == [("q", "a", 1), ("q", "b", 1)]


@settings(deadline=None, max_examples=200)
@given(
    RANKING,
    RANKING,
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 1), min_size=1),
    st.dictionaries(st.sampled_from("abcdefgh"), VERDICTS, min_size=1),
)
def test_bounds_narrow_and_never_widen(
    one: list[str], other: list[str], known: dict[str, int], verdicts: dict[str, str]
):
    before, after, own = ranked(q="".join(one)), ranked(q="".join(other)), qrels(q=known)
    more = judge_labels.with_filled(own, labels(verdicts), 1)
    was, now = bounds(before, after, own), bounds(before, after, more)
    assert (
        was.low - 1e-12 <= now.low <= now.observed + 1e-12 <= now.high + 2e-12 <= was.high + 3e-12
    )
    assert now.unjudged <= was.unjudged
    for ranking in (before, after):
        assert seen(ranking, more).residual <= seen(ranking, own).residual + 1e-12
        assert seen(ranking, more).judged >= seen(ranking, own).judged


def test_the_newest_word_counts_but_no_unknown_one_before_a_known_one():
    first = labels({"a": "positive", "b": "unknown", "c": "negative"})
    rows = judge_labels.merged(
        first, labels({"a": "unknown", "b": "negative", "c": "positive", "d": "unknown"})
    )
    assert dict(rows.select("doc_id", pl.col("verdict").cast(pl.String)).rows()) == {
        "a": "positive",
        "b": "negative",
        "c": "positive",
        "d": "unknown",
    }
    assert len(judge_labels.merged(first, labels({"a": "positive"}, split="dev"))) == 4


def test_what_is_written_is_read_and_what_is_no_such_table_is_refused(workspace: Path):
    file = judge_labels.file_of("ours", "j")
    rows = labels({"b": "positive", "a": "unknown"})
    judge_labels.write(rows, file)
    assert judge_labels.read(file).equals(rows)
    judge_labels.write(pl.concat([labels({"a": "positive"})] * 2), file)
    with pytest.raises(
        Refused,
        match=r"inputs/labels/filled/ours@j.parquet contains document 'a' of the test query 'q' "
        r"twice",
    ):
        judge_labels.read(file)
    labels({"a": "positive"}).drop("prompt").write_parquet(file)
    with pytest.raises(Refused, match=r"column prompt differs"):
        judge_labels.read(file)
    file.write_bytes(b"no table")
    with pytest.raises(Refused, match=r"cannot be read as Parquet"):
        judge_labels.read(file)
