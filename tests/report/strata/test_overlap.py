from __future__ import annotations

import polars as pl

from tasks.report.strata.overlap import overlap


def texts(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["query_id", "doc_id", "text"], orient="row")


def level(query: str, answers: list[str], rival: str | None) -> str | None:
    queries = pl.DataFrame({"query_id": ["q"], "text": [query]})
    right = texts(*(("q", f"right {place}", text) for place, text in enumerate(answers)))
    other = right.clear() if rival is None else texts(("q", "other", rival))
    found = overlap(queries, right, other, "english")
    return found["level"][0] if len(found) else None


def test_who_has_more_of_the_querys_words():
    query = "sorting the rows of a table"  # sort, row, table
    assert level(query, ["sorted rows"], "a table") == "high"
    assert level(query, ["rows"], "tables") == "even"
    assert level(query, ["an array"], "sorts rows") == "low"


def test_of_several_answers_the_best_counts_and_a_word_counts_once():
    assert level("sort rows", ["neither", "sort rows"], "sort sort sort") == "high"


def test_where_there_is_no_other_document():
    assert level("sort rows", ["sort"], None) == "high"
    assert level("sort rows", ["neither"], None) == "even"


def test_a_query_of_stop_words_has_no_level():
    assert level("is the of", ["the"], "is") is None
