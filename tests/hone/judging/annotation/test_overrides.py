"""A person's word: it wins over every judge, and what cannot be meant is refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hone.data import tables
from hone.data.unknown import is_masked
from hone.errors import Refused
from hone.judging.annotation import overrides

ROWS = [
    ("q1", "p", "positive", None, "qrels"),
    ("q1", "a", "negative", 1, None),
    ("q1", "b", "unknown", None, "strong"),
    ("q1", "c", "positive", None, "strong"),
]
LABELS = tables.shaped(
    "labels",
    pl.DataFrame(ROWS, schema=["query_id", "doc_id", "label", "rank", "judge"], orient="row"),
)
DOCUMENTS = pl.Series(["p", "a", "b", "c", "d"])


def written(folder: Path, *lines: str) -> Path:
    file = folder / "overrides.csv"
    file.write_text("\n".join(("query_id,doc_id,label", *lines)) + "\n")
    return file


def test_no_file_and_an_empty_one_decide_nothing(tmp_path: Path):
    assert overrides.read(tmp_path / "none.csv").is_empty()
    assert overrides.applied(LABELS, overrides.read(written(tmp_path)), DOCUMENTS)[1] == 0


def test_what_a_person_decided_stands(tmp_path: Path):
    lines = ("q1,a,positive", "q1,c,negative", "q1,d,positive", "q1,p,positive", "q9,a,positive")
    decided, count = overrides.applied(LABELS, overrides.read(written(tmp_path, *lines)), DOCUMENTS)
    assert decided.select(
        "query_id", "doc_id", pl.col("label").cast(pl.String), "rank", "judge"
    ).rows() == [
        ("q1", "p", "positive", None, "qrels"),
        ("q1", "a", "positive", None, "person"),
        ("q1", "b", "unknown", None, "strong"),
        ("q1", "c", "negative", None, "person"),
        ("q1", "d", "positive", None, "person"),
    ]
    assert count == 3


@pytest.mark.parametrize(
    ("judge", "reason", "by"),
    [
        ("strong", "dropped", "person"),
        ("guide", "unconfirmed", "person"),
        ("strong", "timed out: after 60 s", "person"),
        ("same-query", "positive for the query q2, which has the same text", "person"),
        ("strong", "refused: no", "strong"),
        ("qrels", "grade 1 is below min_relevance 2", "qrels"),
        ("person", "overrides.csv", "person"),
    ],
)
def test_a_persons_unknown_lasts_where_that_of_another_would_not(
    tmp_path: Path, judge: str, reason: str, by: str
):
    """What a judge dropped, would judge again or another query shared is masked by the person;
    what lasts already stays as it is.
    """
    before = LABELS.with_columns(
        judge=pl.when(pl.col("doc_id") == "b").then(pl.lit(judge)).otherwise("judge"),
        reason=pl.when(pl.col("doc_id") == "b").then(pl.lit(reason)).otherwise("reason"),
    )
    decided, count = overrides.applied(
        before, overrides.read(written(tmp_path, "q1,b,unknown")), DOCUMENTS
    )
    assert decided.filter(is_masked(), pl.col("doc_id") == "b")["judge"].to_list() == [by]
    assert count == int(by != judge)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("q1,a,postive",), "line 2: the label is 'postive': did you mean 'positive'?"),
        (
            ("q1,a,positive", "q1,a,negative"),
            "line 2: query 'q1' and document 'a' occur more than once",
        ),
    ],
)
def test_lines_that_cannot_be_meant(tmp_path: Path, lines: tuple, message: str):
    with pytest.raises(Refused) as refusal:
        overrides.read(written(tmp_path, *lines))
    assert message in str(refusal.value)


def test_other_columns_are_refused(tmp_path: Path):
    file = tmp_path / "overrides.csv"
    file.write_text("query,doc,label\nq1,a,positive\n")
    with pytest.raises(Refused, match="lacks the column 'query_id', 'doc_id'"):
        overrides.read(file)


def test_a_document_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(Refused, match="'nowhere'"):
        overrides.applied(
            LABELS, overrides.read(written(tmp_path, "q1,nowhere,positive")), DOCUMENTS
        )
