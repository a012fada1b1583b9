"""A round whose candidates, and which of them are hidden answers, are known by hand; a model of
random weights trains on it.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hone.data import tables
from tests.prepared import pairs, prepare, write_rows
from tests.tiny_model import WORDS, tiny_model

TRAIN, TEST = 12, 8  # queries
SCORES = {
    "a": 0.8,
    "h": 0.79,
    "n": 0.7,
    "m": 0.5,
}  # of a query's known answer, its hidden one, and two that are neither


def mined(train: dict | None = None, **sections) -> None:
    """The stages up to `start` have run; the candidates of r1 are written by hand, each query's
    best first.

    Args:
        train: of the round's recipe, what is changed.
    """
    tiny_model(Path("inputs/base"))
    queries = [f"q{number}" for number in range(TRAIN + TEST)]
    documents = [
        {
            "doc_id": f"{kind}{number}",
            "text": " ".join(
                WORDS[(number * 5 + place * 3 + step) % len(WORDS)] for step in range(3)
            ),
        }
        for number in range(len(queries))
        for place, kind in enumerate(SCORES)
    ]
    splits = ["train"] * TRAIN + ["test"] * TEST
    query_rows = [
        {"query_id": query, "text": f"{WORDS[number]} {WORDS[-number]} {query}", "split": split}
        for number, (query, split) in enumerate(zip(queries, splits, strict=True))
    ]
    write_rows(
        Path("inputs/ours"),
        documents,
        query_rows,
        pairs(*((query, f"a{number}") for number, query in enumerate(queries))),
    )
    training = {"batch": {"random": {"size": 4}}, "learning_rate": 1e-3, "steps": 4} | (train or {})
    rounds = {"r1": {"from": "r0", "recipe": "top-k", "train": training}}
    prepare(
        **{"rounds": rounds, "model": {"name": "inputs/base"}, "compare_with": ["r0"]} | sections
    )
    found = [
        (query, f"{kind}{number}", score)
        for number, query in enumerate(queries[:TRAIN])
        for kind, score in SCORES.items()
    ]
    rows = pl.DataFrame(found, schema=["query_id", "doc_id", "score"], orient="row")
    ranked = rows.with_columns(
        source=pl.lit("dense"),
        scorer=pl.lit("dense"),
        rank=pl.int_range(1, pl.len() + 1).over("query_id"),
    )
    tables.write(
        "candidates", tables.shaped("candidates", ranked), Path("rounds/r1/candidates.parquet")
    )
    tables.write("scores", tables.shaped("scores", ranked), Path("rounds/r1/scores.parquet"))
    hide("h")


def hide(kind: str) -> None:
    """All candidates of a kind are right answers that were hidden."""
    rows = [(f"q{number}", f"{kind}{number}", 1, 1.0, "hidden") for number in range(TRAIN)]
    made = pl.DataFrame(
        rows, schema=["query_id", "doc_id", "relevance", "weight", "source"], orient="row"
    )
    tables.write("hidden", tables.shaped("hidden", made), Path("data/ours/hidden.parquet"))
