"""Rows of the Hub as tables: nothing is lost without a reason, in whatever file the rows are."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.data.source import Source
from hone.data.tables import normalised
from tasks.collect import hub_rows
from tasks.collect.hub_rows import read_rows
from tasks.collect.hub_tables import Tables

TEXTS = st.sampled_from(["", " ", "a", "A.", "b", "()", "[]", "é", "é", "ß", "SS", "\x00", "📄"])
IDS = st.sampled_from([None, "", "d1", "d2", "a\nb"])
PASSAGES = st.fixed_dictionaries({"docid": IDS, "title": TEXTS | st.none(), "text": TEXTS})
ROWS = st.fixed_dictionaries(
    {
        "query_id": IDS,
        "query": TEXTS | st.none(),
        "positive_passages": st.lists(PASSAGES, max_size=3),
        "negative_passages": st.lists(PASSAGES, max_size=3) | st.none(),
    }
)
PASSAGE = pl.Struct({"docid": pl.String, "title": pl.String, "text": pl.String})
SCHEMA = {
    "query_id": pl.String,
    "query": pl.String,
    "positive_passages": pl.List(PASSAGE),
    "negative_passages": pl.List(PASSAGE),
}


@pytest.fixture(autouse=True, params=[2, 8192])
def block(request: pytest.FixtureRequest) -> Iterator[None]:
    """Rows come in blocks of two, too."""
    before, hub_rows.BLOCK = hub_rows.BLOCK, request.param
    yield
    hub_rows.BLOCK = before


def source_of(parts: dict[str | None, list[dict]], ending: str) -> Source:
    """The rows of each split, written to a file and read again."""
    tables = Tables(negatives=True, min_score=None)
    with tempfile.TemporaryDirectory() as folder:
        for split, rows in parts.items():
            file = Path(folder) / f"{split}.{ending}"
            if ending == "parquet":
                pl.DataFrame(rows, schema=SCHEMA).write_parquet(file)
            else:
                file.write_text("".join(json.dumps(row) + "\n" for row in rows))
            read = read_rows(file, f"{split}", None, {})
            for numbers, pairs in read.of(read.numbers):
                tables.add(pairs, numbers, split, f"{split}")
    return tables.source()


def form(text: str | None) -> str:
    """The form by which texts are compared."""
    raw = (text or "").strip()
    return pl.select(normalised(pl.lit(raw))).item() or raw


def whole(passage: dict) -> str:
    return f"{passage['title'] or ''} {passage['text'] or ''}".strip()


def is_blank(text: str | None) -> bool:
    """As polars strips: the control character NUL is not a space."""
    return not (text or "").strip()


@given(st.lists(ROWS, min_size=1, max_size=6), st.lists(ROWS, max_size=3))
def test_every_passage_is_a_label_or_has_a_reason(train: list[dict], test: list[dict]):
    parts = {"train": train, "test": test} if test else {"train": train}
    source = source_of(parts, "parquet")
    for ids in (source.documents["doc_id"], source.queries["query_id"]):
        assert ids.is_unique().all()
        assert not ids.is_null().any()
    assert set(source.qrels["doc_id"]) <= set(source.documents["doc_id"])
    assert set(source.qrels["query_id"]) <= set(source.queries["query_id"])
    assert source.qrels.select("query_id", "doc_id").is_unique().all()
    given_pairs, blank_rows, blank_passages = [], 0, 0
    for split, rows in parts.items():
        for row in rows:
            passages = [
                (relevance, passage)
                for relevance, name in ((1, "positive_passages"), (0, "negative_passages"))
                for passage in row[name] or []
            ]
            usable = [one for one in passages if not is_blank(whole(one[1]))]
            if is_blank(row["query"]) or not usable:
                blank_rows += 1
                continue
            blank_passages += len(passages) - len(usable)
            given_pairs += [
                (split, form(row["query"]), form(whole(passage)), relevance)
                for relevance, passage in usable
            ]
    rules = dict(source.removed["rule"].value_counts().iter_rows())
    assert rules.get("row-without-text", 0) == blank_rows
    assert rules.get("empty-passage", 0) == blank_passages
    highest: dict[tuple, int] = {}
    for *pair, relevance in given_pairs:
        highest[tuple(pair)] = max(relevance, highest.get(tuple(pair), 0))
    assert labels_of(source) == {(*pair, relevance) for pair, relevance in highest.items()}
    lower = sum(relevance < highest[tuple(pair)] for *pair, relevance in given_pairs)
    assert rules.get("contradicted", 0) == lower
    assert source.counts["repeated_labels"] == len(given_pairs) - lower - len(highest)
    assert len(source.documents) == len({document for _, _, document, _ in given_pairs})


def labels_of(source: Source) -> set[tuple]:
    texts = dict(source.queries.select("query_id", "text").iter_rows())
    documents = {row["doc_id"]: form(whole(row)) for row in source.documents.to_dicts()}
    return {
        (split, form(texts[query]), documents[document], relevance)
        for split, query, document, relevance in source.qrels.select(
            "split", "query_id", "doc_id", "relevance"
        ).rows()
    }


@given(st.lists(ROWS, min_size=1, max_size=6))
def test_parquet_and_json_lines_give_the_same_tables(rows: list[dict]):
    by_column, by_record = (source_of({"train": rows}, ending) for ending in ("parquet", "jsonl"))
    for table in ("documents", "queries", "qrels", "removed"):
        assert getattr(by_column, table).equals(getattr(by_record, table)), table
    assert by_column.counts == by_record.counts


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_the_same_rows_give_the_same_ids(rows: list[dict]):
    """Also if rows of another file come after them."""
    alone = source_of({"train": rows}, "jsonl")
    more = source_of({"train": rows, "test": rows[:1]}, "jsonl")
    assert more.documents["doc_id"].to_list() == alone.documents["doc_id"].to_list()
    assert more.queries["query_id"].to_list()[: len(alone.queries)] == (
        alone.queries["query_id"].to_list()
    )
