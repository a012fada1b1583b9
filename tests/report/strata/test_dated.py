from __future__ import annotations

import polars as pl
import pytest

from hone.errors import Refused
from tasks.report.strata.dated import dated, sortable


def levels(right: list[tuple[str, str]], dates: list[tuple[str, str, str]]) -> dict[str, str]:
    pairs = pl.DataFrame(right, schema=["query_id", "doc_id"], orient="row")
    known = pl.DataFrame(
        dates, schema={"doc_id": pl.String, "clock": pl.String, "date": pl.String}, orient="row"
    )
    return dict(dated(pairs, known).rows())


def test_versions_and_days_sort_as_they_follow_each_other():
    given = ["1.10", "1.9", "1.10.0", "1.10.1", "0.24", "2021-03-04", "2021-03", "2022"]
    keys = dict(
        zip(given, pl.DataFrame({"date": given}).select(sortable("date")).to_series(), strict=True)
    )
    assert keys["0.24"] < keys["1.9"] < keys["1.10"] == keys["1.10.0"] < keys["1.10.1"]
    assert keys["2021-03"] < keys["2021-03-04"] < keys["2022"]


def test_each_clock_has_its_own_middle():
    dates = [
        ("a", "numpy", "1.9"),
        ("b", "numpy", "1.10"),
        ("c", "pandas", "0.1"),
        ("d", "pandas", "0.2"),
        ("e", "pandas", "0.2"),
    ]
    # pandas' middle is .2, and what is as old as it is not newer.
    found = levels([(doc, doc) for doc in "abcdef"], dates)
    assert found == {
        "a": "older",
        "b": "newer",
        "c": "older",
        "d": "older",
        "e": "older",
        "f": "undated",
    }


def test_a_query_is_as_old_as_its_oldest_answer():
    dates = [("old", "calendar", "2001"), ("new", "calendar", "2020"), ("other", "numpy", "1.2")]
    right = [
        ("both", "old"),
        ("both", "new"),
        ("new", "new"),
        ("half", "new"),
        ("half", "unknown"),
        ("mixed", "new"),
        ("mixed", "other"),
    ]
    assert levels(right, dates) == {
        "both": "older",
        "new": "newer",
        "half": "undated",
        "mixed": "undated",
    }


def test_without_any_date_it_says_so():
    with pytest.raises(Refused, match="no relevant document has a date"):
        levels([("q", "d")], [("another", "calendar", "2020")])
