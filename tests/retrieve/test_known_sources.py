"""Sources that know their documents already: the last round's negatives, and a positive's own
document.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hone.config.recipe import check
from hone.data import tables
from hone.errors import Refused
from tasks.retrieve.chunks import chunks
from tasks.retrieve.previous import previous
from tests.retrieve.planar import documents_at, positives, queries_at, ranked

QUERIES = queries_at(q1=0, q2=0)


def negatives(*rows: tuple[str, str, float]) -> pl.LazyFrame:
    frame = pl.DataFrame(
        rows, schema={"query_id": pl.String, "doc_id": pl.String, "score": pl.Float32}, orient="row"
    )
    return tables.shaped("negatives", frame.with_columns(source=pl.lit("dense"), rank=9)).lazy()


def test_the_last_rounds_negatives_in_their_order(capsys: pytest.CaptureFixture):
    last = negatives(
        ("q2", "c", 0.1),
        ("q1", "b", 0.2),
        ("q1", "a", 0.9),
        ("q1", "b", 0.2),
        ("elsewhere", "a", 0.5),
    )
    found = previous(QUERIES, last, "r2")
    assert ranked(found) == {"q2": ["c"], "q1": ["b", "a"]}
    assert found.filter(pl.col("doc_id") == "a")["score"].to_list() == pytest.approx([0.9])
    assert ranked(previous(QUERIES, last, "r2", depth=1)) == {"q2": ["c"], "q1": ["b"]}
    assert "have no negatives" not in capsys.readouterr().err


def test_a_round_that_starts_from_none_has_none_before(capsys: pytest.CaptureFixture):
    found = previous(QUERIES, tables.empty("negatives").lazy(), "r1")
    assert found.is_empty()
    assert "retrieve r1: previous: 2 of 2 queries have no negatives in the start round" in "".join(
        capsys.readouterr()
    )


PARENTS = {"a1": "a", "a2": "a", "a3": "a", "a4": "a", "b1": "b", "b2": "b"}


@pytest.fixture
def passages(tmp_path: Path):
    return documents_at(tmp_path, dict.fromkeys([*PARENTS, "whole"], 0), PARENTS)


def test_other_passages_by_their_distance(passages):
    """Of a1 to a4 the third is known: the second and the fourth are next to it, the first two
    away.
    """
    assert ranked(chunks(positives([("q1", "a3")]), passages)) == {"q1": ["a2", "a4", "a1"]}
    assert ranked(chunks(positives([("q1", "a3")]), passages, depth=1)) == {"q1": ["a2"]}


def test_passages_of_several_positives(passages):
    """b1 stands next to b2 and a3 next to a2, b1 earlier in its document; a4 is two away. What
    is no passage has no others.
    """
    labels = positives([("q2", "b2"), ("q1", "a1"), ("q1", "a2"), ("q1", "b2"), ("q3", "whole")])
    assert ranked(chunks(labels, passages)) == {"q2": ["b1"], "q1": ["b1", "a3", "a4"]}


@given(st.sets(st.tuples(st.sampled_from(["q1", "q2"]), st.sampled_from([*PARENTS, "whole"]))))
def test_passages_are_never_positives_and_never_strangers(
    tmp_path_factory: pytest.TempPathFactory, pairs: set
):
    documents = documents_at(
        tmp_path_factory.mktemp("passages"), dict.fromkeys([*PARENTS, "whole"], 0), PARENTS
    )
    found = ranked(chunks(positives(sorted(pairs)), documents))
    for query in {query for query, _ in pairs}:
        known = {doc for other_query, doc in pairs if other_query == query}
        own = {PARENTS[doc] for doc in known if doc in PARENTS}
        assert (
            set(found.get(query, []))
            == {doc for doc, parent in PARENTS.items() if parent in own} - known
        )


def test_a_collection_without_passages(tmp_path: Path):
    with pytest.raises(Refused, match="none in .*documents.parquet has a `parent_id`"):
        chunks(positives([("q1", "a")]), documents_at(tmp_path, {"a": 0}))


@pytest.mark.parametrize("source", ["chunks", {"fused": {"of": ["dense", "chunks"]}}])
def test_a_recipe_that_removes_what_it_retrieves(tmp_path: Path, source):
    file = tmp_path / "tried.yaml"
    given = {"about": "a test", "retrieve": [source]}
    file.write_text(yaml.safe_dump(given))
    message = (
        "the filter `same-parent` removes every passage .* Remove it .*filters: .labelled, "
        "same-text, near-duplicate."
    )
    with pytest.raises(Refused, match=message):
        check(file)
    file.write_text(yaml.safe_dump(given | {"sample": {"filters": ["labelled", "same-text"]}}))
    assert check(file).sample.filters[0]["method"] == "labelled"
