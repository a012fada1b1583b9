"""`split.divide`: the queries of one split of the source become train, dev and test queries."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hone.config import params
from hone.data import tables
from hone.errors import Refused
from tests.prepared import PROJECT, pairs, write_params, write_rows
from tests.stages import collect, resolve

NUMBERS = range(60)
DOCUMENTS = [
    {"doc_id": f"d{number}", "text": f"text {number * 7919:x} alone"} for number in NUMBERS
]


def queries(splits: dict[int, str]) -> list[dict]:
    return [
        {
            "query_id": f"q{number}",
            "text": f"what is {number * 104729:x} in {number * 7919:x}",
            "split": splits[number],
        }
        for number in splits
    ]


def write(splits: dict[int, str]) -> None:
    labels = pairs(*((f"q{number}", f"d{number}") for number in splits))
    write_rows(Path("inputs/ours"), DOCUMENTS, queries(splits), labels)


def collected(split: dict) -> dict[str, set[str]]:
    """The query ids of each split after the stage `collect`."""
    ours = {"source": "folder", "path": "inputs/ours", "split": split}
    write_params(collections={"ours": ours})
    resolve()
    collect("ours")
    return {
        name: set(tables.read("queries", Path(f"data/ours/{name}/queries.parquet"))["query_id"])
        for name in ("train", "dev", "test")
    }


def test_dev_is_drawn_from_train_and_test_stays(workspace: Path):
    splits = {number: "test" if number < 20 else "train" for number in NUMBERS}
    write(splits)
    found = collected({"divide": "train", "dev": 0.3, "test": 0})
    assert found["test"] == {f"q{number}" for number in range(20)}
    assert found["train"] | found["dev"] == {f"q{number}" for number in range(20, 60)}
    assert not found["train"] & found["dev"]
    assert 4 < len(found["dev"]) < 24
    labels = tables.read("qrels", Path("data/ours/dev/qrels.parquet"))
    assert set(labels["query_id"]) == found["dev"]  # labels move with their query


def test_a_source_with_only_test_queries_is_divided_as_one_without_splits(workspace: Path):
    write(dict.fromkeys(NUMBERS, "test"))
    divided = collected({"divide": "test", "dev": 0.2, "test": 0.3})
    rows = [
        {key: row[key] for key in ("query_id", "text")}
        for row in queries(dict.fromkeys(NUMBERS, ""))
    ]
    write_rows(Path("inputs/ours"), DOCUMENTS, rows, pairs(*((f"q{n}", f"d{n}") for n in NUMBERS)))
    assert divided == collected({"dev": 0.2, "test": 0.3})
    assert all(divided.values())


@pytest.mark.parametrize(
    ("splits", "split", "said"),
    [
        (
            {number: "test" if number < 20 else "train" for number in NUMBERS},
            {"divide": "train", "dev": 0.1, "test": 0.2},
            "with `test: 0.2`, but the source has 20 test queries of its own. Write `test: 0`",
        ),
        (
            dict.fromkeys(NUMBERS, "train"),
            {"divide": "dev", "dev": 0.1, "test": 0.2},
            "`split.divide` is 'dev', but no query has this split (valid: train)",
        ),
    ],
)
def test_a_fraction_that_would_mix_origins_is_refused(
    workspace: Path, splits: dict[int, str], split: dict, said: str
):
    write(splits)
    with pytest.raises(Refused) as refusal:
        collected(split)
    assert said in str(refusal.value)


def test_a_task_of_mteb_keeps_its_splits(workspace: Path):
    given = yaml.safe_load((PROJECT / "params.yaml").read_text())
    given["collections"]["scifact"] = {
        "source": "mteb:SciFact",
        "path": "requirements.txt",
        "split": {"divide": "test"},
    }
    Path("params.yaml").write_text(yaml.safe_dump(given))
    with pytest.raises(Refused, match="keeps the splits of its benchmark"):
        params.read()
