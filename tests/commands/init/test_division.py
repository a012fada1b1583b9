"""How `hone init` divides labelled queries, and what their number can detect."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.init.division import (
    Division,
    divide,
    fractions,
    target,
)
from hone.config.params import Split
from hone.errors import Refused
from tasks.collect.split import by_place, by_text


def labelled(*counts: tuple[str | None, int]) -> pl.DataFrame:
    splits = [split for split, count in counts for _ in range(count)]
    texts = [f"what is {number * 104729:x} in {number * 7919:x}" for number in range(len(splits))]
    return pl.DataFrame({"text": texts, "split": splits}, schema_overrides={"split": pl.String})


@pytest.mark.parametrize(
    ("count", "test", "dev"),
    [
        (20, 6, 6),
        (99, 30, 29),
        (200, 60, 30),
        (299, 90, 30),
        (300, 100, 30),
        (700, 140, 70),
        (20_000, 1_000, 300),
    ],
)
def test_targets(count: int, test: int, dev: int):
    assert (target(count, "test"), target(count, "dev")) == (test, dev)


@given(st.integers(10, 100_000))
def test_training_always_keeps_the_largest_part(count: int):
    test, dev = target(count, "test"), target(count, "dev")
    assert count - test - dev >= 0.4 * count - 1
    assert test >= (100 if count >= 300 else 0.3 * count)
    assert dev >= min(30, int(0.3 * count))


@given(
    st.lists(st.floats(0, 0.999), min_size=10, max_size=60, unique=True),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_fractions_are_the_smallest_that_reach_the_targets(
    places: list[float], dev: int, test: int
):
    series = pl.Series(places)
    of_dev, of_test = fractions(series, dev, test)
    found = by_place(series, of_dev, of_test).to_list()
    assert found.count("test") >= test
    assert found.count("dev") >= dev or of_test + of_dev >= 1
    smaller = by_place(series, 0.0, round(of_test - 0.01, 2)).to_list()  # 0.13 - 0.01 > 0.12
    assert smaller.count("test") < test


def test_files_without_splits_are_divided_as_the_stage_divides_them():
    queries = labelled((None, 200))
    found = divide(queries, given_splits=False)
    assert found.split is not None
    assert found.split.divide is None
    drawn = by_text(queries, found.split.dev, found.split.test)
    assert found.counts == {name: int((drawn == name).sum()) for name in ("train", "dev", "test")}
    assert found.counts["test"] >= 60
    assert found.counts["dev"] >= 30


def test_all_three_splits_of_the_files_are_kept():
    found = divide(labelled(("train", 50), ("dev", 5), ("test", 5)), given_splits=True)
    assert found == Division(None, {"train": 50, "dev": 5, "test": 5})


@pytest.mark.parametrize(
    ("counts", "origin", "drawn", "kept"),
    [
        ([("train", 300), ("test", 300)], "train", ("dev",), {"test": 300}),
        ([("train", 300), ("dev", 40)], "train", ("test",), {"dev": 40}),
        ([("train", 300)], "train", ("dev", "test"), {}),
        ([("test", 225)], "test", ("dev", "test"), {}),
        ([("test", 300), ("dev", 40)], "test", ("test",), {"dev": 40}),
    ],
)
def test_a_missing_split_is_drawn_from_another(
    counts: list[tuple[str, int]], origin: str, drawn: tuple[str, ...], kept: dict[str, int]
):
    found = divide(labelled(*counts), given_splits=True)
    assert found.split is not None
    assert found.split.divide == origin
    assert {name for name in ("dev", "test") if getattr(found.split, name) > 0} == set(drawn)
    assert kept.items() <= found.counts.items()
    assert all(found.counts.values())
    assert sum(found.counts.values()) == sum(number for _, number in counts)


def test_nine_labelled_queries_are_too_few():
    with pytest.raises(Refused, match="only 9 queries have a positive label"):
        divide(labelled((None, 9)), given_splits=False)


def test_split_has_no_divide_by_default():
    assert Split().divide is None
