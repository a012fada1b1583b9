"""Pairs that differ in a negation: what is taken from a docstring, and what the collection is."""

from __future__ import annotations

import polars as pl
import pytest

from hone.data.source import Source
from hone.text.near_duplicates import clusters
from tasks.collect.negation import drop_near_duplicates, negation, opposites
from tasks.collect.split import ALIKE, CHARACTERS
from tests.conftest import PROJECT


@pytest.mark.parametrize(
    ("description", "sides"),
    [
        (
            "If True, a copy is made. If False, a view is returned.",
            ("a copy is made.", "a view is returned."),
        ),
        (
            "Whether to copy. If ``True`` (default), copies it; otherwise a view is made.",
            ("copies it.", "a view is made."),
        ),
        (
            "When set to `True`, sorts\n    them all. Otherwise, leaves them.",
            ("sorts them all.", "leaves them."),
        ),
        (
            "If True, a copy is made. If False, a view is made. .. versionadded:: 1.2",
            ("a copy is made.", "a view is made."),
        ),
        ("If True, a copy is made.", None),  # what happens otherwise is not said
        (
            "If True and `a` is given, it is copied. Otherwise it is not.",
            None,
        ),  # its opposite has two cases
        (
            "If True, sorts them. If False or None, this is not so.",
            None,
        ),  # it says more than one thing
        ("If True, it is so. If True, it is that. If False, it is none.", None),
        ("If True, ascending. If False, descending.", None),  # too short to be told from others
    ],
)
def test_what_a_parameter_does_either_way(description: str, sides: tuple[str, str] | None):
    assert opposites(description) == sides


def test_one_pair_is_kept_of_those_that_are_alike_on_either_side():
    rows = [
        ("f", "a copy of the array is returned to the caller.", "a view of it is made."),
        (
            "g",
            "A copy of the array is returned to the caller",
            "nothing at all happens here.",
        ),  # as f if true
        (
            "h",
            "the axes are reduced in place.",
            "nothing at all happens here.",
        ),  # as g if false, which is gone: it stays
        ("i", "every node is visited twice.", "a view of it is made."),  # as f if false
    ]
    pairs = pl.DataFrame(rows, schema=["function", "true", "false"], orient="row")
    assert drop_near_duplicates(pairs)["function"].to_list() == ["f", "h"]


@pytest.fixture(scope="module")
def source() -> Source:
    return negation()


def test_no_two_pairs_are_near_duplicates_and_the_docs_have_their_number(source: Source):
    right = source.documents.with_columns(
        said=pl.col("text").str.replace(r"^.*?: If (True|False), ", "")
    )
    for side in ("true", "false"):
        statements = right.filter(pl.col("doc_id").str.ends_with(f":{side}"))["said"].to_list()
        assert len(set(clusters(statements, ALIKE, characters=CHARACTERS))) == len(statements)
    page = (PROJECT / "docs/reference/methods/abilities.md").read_text()
    assert (
        f"| `negation` | {len(right) // 2} pairs (`dvc repro collect@negation` counts the "
        f"{len(right)} documents)" in page
    )


def test_each_query_has_its_own_document_and_its_twin(source: Source):
    documents, queries, labels = source.documents, source.queries, source.qrels
    assert len(documents) == len(queries) >= 200
    assert set(queries["split"]) == {"test"}
    assert documents["text"].is_unique().all()
    assert queries["text"].is_unique().all()
    assert not set(documents["doc_id"]) & set(
        queries["query_id"]
    )  # evaluators leave out a document of the query's own id
    texts = dict(documents.select("doc_id", "text").iter_rows()) | dict(
        queries.select("query_id", "text").iter_rows()
    )
    assert (
        texts["correlate:propagate_mask:false?"]
        == "What does correlate do when propagate_mask is not true?"
    )
    assert texts["correlate:propagate_mask:false"] == (
        "correlate, propagate_mask: If False, a result element is only masked if no non-masked "
        "element contribute towards it."
    )
    sides = labels.group_by("query_id").agg(
        right=pl.col("doc_id").filter(pl.col("relevance") == 1),
        wrong=pl.col("doc_id").filter(pl.col("relevance") == 0),
    )
    for query, (right,), (wrong,) in sides.iter_rows():
        assert query == f"{right}?"
        assert {right.rpartition(":")[0], wrong.rpartition(":")[0]} == {right.rpartition(":")[0]}
        assert right != wrong
    assert source.ranked.sort("query_id", "doc_id").equals(
        labels.select("query_id", "doc_id").sort("query_id", "doc_id")
    )
