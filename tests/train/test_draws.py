"""Draws follow the place of a round in its line, and not its name: siblings share them, and a
renamed round has the same weights.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl

from hone.data import rounds as lineage
from hone.data import tables
from tasks.resolve.stages import SETTINGS
from tests.prepared import pairs, prepare, write_params, write_rows
from tests.stages import resolve, train
from tests.tiny_model import WORDS, tiny_model

MODEL = {"name": "inputs/tiny", "max_length": 16, "precision": "fp32"}
SHORT = {"batch": {"random": {"size": 4}}, "dropout": 0.1, "dev_scores": False}


def prepared(names: list[str], **rounds: dict) -> None:
    """A folder collection of twelve queries, a tiny model, and labels of each round: two
    negatives a query, ten documents further on.
    """
    documents = [
        {"doc_id": f"d{n}", "text": f"{WORDS[n % 23]} {WORDS[(n * 7 + n // 23) % 23]}"}
        for n in range(50)
    ]
    queries = [{"query_id": f"q{n}", "text": WORDS[n], "split": "train"} for n in range(12)]
    queries.append({"query_id": "t", "text": "old", "split": "test"})
    write_rows(
        Path("inputs/ours"),
        documents,
        queries,
        pairs(*((f"q{n}", f"d{n}") for n in range(12)), ("t", "d49")),
    )
    tiny_model(Path("inputs/tiny"))
    prepare(model=MODEL, rounds=rounds)
    known = tables.read("labels", Path("rounds/r0/labels.parquet"))
    for number, name in enumerate(names):
        Path("rounds", name).mkdir(parents=True, exist_ok=True)
        rows = [
            (f"q{n}", f"d{n + 10 * (number + 1) + rank}", "negative", rank)
            for n in range(12)
            for rank in (1, 2)
        ]
        mined = pl.DataFrame(rows, schema=["query_id", "doc_id", "label", "rank"], orient="row")
        tables.write(
            "labels",
            pl.concat([known, tables.shaped("labels", mined)]),
            Path("rounds", name, "labels.parquet"),
        )


def weights(name: str) -> bytes:
    return next(Path("models", name).rglob("model.safetensors")).read_bytes()


def positives(name: str) -> list[tuple]:
    seen = tables.read("trained", Path("rounds", name, "trained.parquet")).filter(
        pl.col("role") == "positive"
    )
    return seen.select("step", "query_id", "doc_id").rows()


def test_a_renamed_round_has_the_same_weights(workspace: Path):
    prepared(["r2"], r2={"from": "r0", "recipe": "top-k", "train": SHORT})
    train("r2")
    before = weights("r2")
    write_params(model=MODEL, rounds={"renamed": {"from": "r0", "recipe": "top-k", "train": SHORT}})
    resolve()
    shutil.move("rounds/r2", "rounds/renamed")
    train("renamed")
    assert weights("renamed") == before


def test_a_control_sees_the_same_queries_in_the_same_batches(workspace: Path):
    """r2 mines, the controls have other negatives or none; only the steps' negatives differ."""
    rounds = {
        "r2": {"from": "r0", "recipe": "top-k", "train": SHORT},
        "other": {"from": "r0", "recipe": "random", "train": SHORT},
        "control": {"from": "r0", "recipe": "in-batch", "train": SHORT},
    }
    prepared(["r2", "other", "control"], **rounds)
    for name in rounds:
        train(name)
    assert positives("r2") == positives("other") == positives("control")
    assert weights("r2") != weights("control")


def test_the_place_in_the_line_counts():
    rounds = {
        "r1": {"from": "r0"},
        "r2": {"from": "r1"},
        "control": {"from": "r1"},
        "r3": {"from": "r2"},
        "again": {"from": "r0"},
    }
    assert {name: lineage.draws_of(rounds, name) for name in rounds} == {
        "r1": "position 1",
        "again": "position 1",
        "r2": "position 2",
        "control": "position 2",
        "r3": "position 3",
    }


def test_resolve_gives_every_stage_of_siblings_the_same_draws(workspace: Path):
    prepared(
        [],
        r1={"from": "r0", "recipe": "top-k"},
        r2={"from": "r1", "recipe": "ance"},
        control={"from": "r1", "recipe": "random"},
    )
    for stage in ("retrieve", "rank", "score", "sample", "relabel", "train"):
        drawn = [SETTINGS[stage].read(round=name).draws for name in ("r1", "r2", "control")]
        assert drawn == ["position 1", "position 2", "position 2"]
