"""Ids, texts and grades of people's files: one at a time and as columns, by one rule."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.data.input_values import MOST, Odd, as_grades, as_ids, as_texts, grade_of, id_of, text_of

BIG = 18446744073709551617


@pytest.mark.parametrize(
    ("value", "is_id"),
    [
        (7, "7"),
        (7.0, "7"),
        ("7", "7"),
        ("007", "007"),
        ("7.0", "7.0"),
        (BIG, str(BIG)),
        (-3.0, "-3"),
        ("1e3", "1e3"),
        ("nan", "nan"),
    ],
)
def test_ids_that_are_numbers_meet_and_texts_stay(value: Any, is_id: str):
    assert id_of(value) == is_id


@pytest.mark.parametrize("value", [None, math.nan])
def test_a_missing_value_is_missing(value: Any):
    assert id_of(value) is None
    assert text_of(value) is None
    with pytest.raises(Odd, match="missing"):
        grade_of(value)


@pytest.mark.parametrize("value", [7.5, math.inf, 2.0**60, True, [1], {"a": 1}])
def test_what_is_no_id(value: Any):
    with pytest.raises(Odd):
        id_of(value)


@pytest.mark.parametrize("value", [True, math.inf, ["a"], {"a": 1}])
def test_what_is_no_text(value: Any):
    with pytest.raises(Odd):
        text_of(value)


@pytest.mark.parametrize(
    ("value", "grade"),
    [
        (1, 1),
        (1.0, 1),
        ("1", 1),
        (" 1.0 ", 1),
        ("1.", 1),
        ("1e0", 1),
        (True, 1),
        (-1, -1),
        (MOST, MOST),
        ("0", 0),
    ],
)
def test_grades(value: Any, grade: int):
    assert grade_of(value) == grade


@pytest.mark.parametrize(
    "value",
    [
        0.5,
        "0.5",
        99999999999,
        "99999999999",
        10**400,
        "1e400",
        math.inf,
        "inf",
        "nan",
        "high",
        "",
        [1],
        "1_0",
        "١",
    ],
)
def test_what_is_no_grade(value: Any):
    with pytest.raises(Odd):
        grade_of(value)


def one_by_one(read: Any, values: list) -> tuple[list, list[bool]]:
    """What the values are one at a time, and which of them are odd."""
    found, odd = [], []
    for value in values:
        try:
            found.append(read(value))
            odd.append(False)
        except Odd:
            found.append(None)
            odd.append(True)
    return found, odd


COLUMNS = st.one_of(
    st.lists(
        st.none()
        | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=5)
        | st.sampled_from(["1.0", "-2", "0.5", "1e5"])
    ).map(lambda values: pl.Series(values, dtype=pl.String)),
    st.lists(st.none() | st.floats() | st.sampled_from([7.0, 2.0**53, 2.0**31, -1.0])).map(
        lambda values: pl.Series(values, dtype=pl.Float64)
    ),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)).map(
        lambda values: pl.Series(values, dtype=pl.Int64)
    ),
    st.lists(st.none() | st.booleans()).map(lambda values: pl.Series(values, dtype=pl.Boolean)),
    st.lists(st.none() | st.lists(st.integers(0, 3), max_size=2)).map(
        lambda values: pl.Series(values, dtype=pl.List(pl.Int64))
    ),
)


@given(COLUMNS)
def test_a_column_is_read_as_its_values_are(column: pl.Series):
    for one, whole in ((id_of, as_ids), (text_of, as_texts), (grade_of, as_grades)):
        found, odd = one_by_one(one, column.to_list())
        values, bad = whole(column)
        assert bad.to_list() == odd
        assert values.filter(~bad).to_list() == [
            value for value, wrong in zip(found, odd, strict=True) if not wrong
        ]


def test_columns_of_other_types():
    assert as_ids(pl.Series([Decimal("7.00"), None]))[0].to_list() == ["7", None]
    assert as_ids(pl.Series([Decimal("7.50")]))[1].to_list() == [True]
    values, bad = as_ids(pl.Series([b"a", b"\xff", None]))
    assert (values.to_list(), bad.to_list()) == (["a", None, None], [False, True, False])
    assert as_ids(pl.Series(["a", None], dtype=pl.Categorical))[0].to_list() == ["a", None]
    assert as_texts(pl.Series([math.nan, None]))[0].to_list() == [None, None]
    assert as_grades(pl.Series([1.0, 0.0]))[0].to_list() == [1, 0]
