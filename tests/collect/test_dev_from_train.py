"""A collection with train and test but no dev queries gets dev queries from train."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.data import tables
from tasks.collect.refusals import lacks_dev
from tasks.collect.split import DEV_LARGEST, DEV_MINIMUM, by_text, draw_dev
from tests.prepared import pairs, write_params, write_rows
from tests.stages import collect, resolve

ALL = ("train", "dev", "test")


def write(splits: list[str], unlabelled: int = 0) -> None:
    """As many queries as splits; the last `unlabelled` ones have no label."""
    documents = [
        {"doc_id": f"d{number}", "text": f"text {number * 7919:x} alone"}
        for number in range(len(splits))
    ]
    queries = [
        {
            "query_id": f"q{number}",
            "text": f"what is {number * 104729:x} in {number * 7919:x}",
            "split": split,
        }
        for number, split in enumerate(splits)
    ]
    labels = pairs(*((f"q{number}", f"d{number}") for number in range(len(splits) - unlabelled)))
    write_rows(Path("inputs/ours"), documents, queries, labels)


def collected(split: dict | None = None, **others: object) -> dict[str, set[str]]:
    """The query ids of each split after the stage `collect`."""
    ours = {"source": "folder", "path": "inputs/ours"} | ({"split": split} if split else {})
    write_params(collections={"ours": ours}, **others)
    resolve()
    collect("ours")
    return {
        name: set(tables.read("queries", Path(f"data/ours/{name}/queries.parquet"))["query_id"])
        for name in ALL
    }


def test_dev_queries_are_drawn_from_train_and_test_stays(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write(["train"] * 120 + ["test"] * 40)
    found = collected()
    assert found["test"] == {f"q{number}" for number in range(120, 160)}
    assert found["train"] | found["dev"] == {f"q{number}" for number in range(120)}
    assert not found["train"] & found["dev"]
    assert DEV_MINIMUM <= len(found["dev"]) <= 40
    labels = tables.read("qrels", Path("data/ours/dev/qrels.parquet"))
    assert set(labels["query_id"]) == found["dev"]  # labels move with their query
    assert json.loads(Path("data/ours/about.json").read_text())["dev_from_train"] == len(
        found["dev"]
    )
    output = capsys.readouterr().err
    assert f"{len(found['dev'])} train queries are dev queries" in output
    assert "no dev queries" not in output


def test_dev_of_params_is_the_fraction_if_it_gives_enough_queries(workspace: Path):
    write(["train"] * 300 + ["test"] * 40)
    texts = texts_of(300)
    expected = set(texts.filter(by_text(texts, 0.2, 0.0) == "dev")["query_id"])
    assert len(expected) > DEV_MINIMUM
    assert collected({"dev": 0.2})["dev"] == expected


@pytest.mark.parametrize(
    ("splits", "split"),
    [
        (["train"] * 99 + ["test"] * 40, None),  # 30 would be more than 30 %
        (["train"] * 120 + ["test"] * 40, {"dev": 0}),  # as the user wants
        (["train"] * 120 + ["dev"] * 5 + ["test"] * 40, None),  # it has its own
    ],
)
def test_nothing_is_drawn_otherwise(workspace: Path, splits: list[str], split: dict | None):
    write(splits)
    found = collected(split)
    assert {name: len(found[name]) for name in ALL} == {name: splits.count(name) for name in ALL}
    assert "dev_from_train" not in json.loads(Path("data/ours/about.json").read_text())


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        (["train", "test"], True),
        (["train", "dev", "test"], False),
        (["train"], False),  # not the usual form: Hone cannot know what is to be measured
        (["test"], False),
    ],
)
def test_only_train_and_test_without_dev_is_the_usual_form(splits: list[str], expected: bool):
    assert lacks_dev(pl.DataFrame({"split": splits})) is expected


def test_too_few_training_queries_are_said_with_the_way_out(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write(["train"] * 60 + ["test"] * 40)
    collected()
    output = capsys.readouterr().err
    assert "no dev queries, so no score selects a round: the last round is used." in output
    assert "60 labelled train queries are too few: from 100 on" in output
    assert "`split: {divide: train, dev: 0.3, test: 0}` draws some anyway." in output
    assert len(collected({"divide": "train", "dev": 0.3, "test": 0})["dev"]) > 5


def test_the_effect_that_the_test_queries_detect_is_printed_before_training(
    workspace: Path, capsys: pytest.CaptureFixture
):
    """t quantiles of 99: 1.98422 + 0.84528; / 10, times 0.28 and 0.12."""
    write(["train"] * 120 + ["test"] * 110, unlabelled=10)
    collected()
    line = (
        "collect ours: 100 labelled test queries detect a change in nDCG@10 of about 0.079 from "
        "the base model, and of about 0.034 between two rounds (80 % power, deviations of the "
        "bundled collection)"
    )
    assert line in capsys.readouterr().err


def texts_of(count: int) -> pl.DataFrame:
    numbers = range(count)
    return pl.DataFrame(
        {
            "query_id": [f"q{number}" for number in numbers],
            "text": [f"what is {number * 104729:x} in {number * 7919:x}" for number in numbers],
        },
        schema={"query_id": pl.String, "text": pl.String},
    )


@given(st.integers(0, 250), st.floats(0, 0.2), st.integers(0, 250))
def test_the_drawn_split_has_enough_labelled_dev_queries(count: int, dev: float, labelled: int):
    queries = texts_of(count)
    positives = queries.head(labelled)
    drawn = draw_dev(queries, positives, dev)
    number = min(labelled, count)
    assert (drawn is None) == (number * DEV_LARGEST < DEV_MINIMUM)
    if drawn is not None:
        among = drawn.head(number)
        assert int((among == "dev").sum()) >= DEV_MINIMUM
        assert set(drawn.unique()) <= {"train", "dev"}


def test_the_drawn_queries_do_not_depend_on_the_order():
    queries = texts_of(200)
    drawn = dict(zip(queries["query_id"], draw_dev(queries, queries, 0.05), strict=True))
    back = queries.reverse()
    assert dict(zip(back["query_id"], draw_dev(back, queries, 0.05), strict=True)) == drawn
