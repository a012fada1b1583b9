"""A workspace with a small collection and two random models, to search in."""

from __future__ import annotations

from pathlib import Path

from tests.prepared import pairs, prepare, write_rows
from tests.tiny_model import WORDS, tiny_model

TEXTS = [f"{one} {other} stone" for one in WORDS[:4] for other in WORDS[4:8]]
ROUNDS = {
    "r1": {"from": "r0", "recipe": "warm-up"},
    "r2": {"from": "r1", "recipe": "warm-up"},
    "r3": {"from": "r2", "recipe": "warm-up"},
}


def searched(documents: list[dict] | None = None, rounds: tuple[str, ...] = ("r1", "r2")) -> None:
    """Collect the collection `ours` in the current folder, with models r0 and `rounds`."""
    tiny_model(Path("inputs/base"), seed=0)
    documents = documents or [
        {"doc_id": f"d{number}", "title": "big" if number % 2 else "", "text": text}
        for number, text in enumerate(TEXTS)
    ]
    queries = [
        {"query_id": "q1", "text": "red big cat", "split": "train"},
        {"query_id": "q2", "text": "Green small dog?", "split": "test"},
        {"query_id": "q3", "text": "blue tree", "split": "test"},
    ]
    labels = pairs(("q1", "d1"), ("q1", "d2"), ("q2", "d5")) + pairs(("q3", "d3"), relevance=3)
    write_rows(Path("inputs/ours"), documents, queries, [{"relevance": 1} | one for one in labels])
    prepare(
        collections={
            "ours": {"source": "folder", "path": "inputs/ours", "hide": {"share": 1.0, "seed": 1}}
        },
        model={"name": "inputs/base", "max_length": 16, "precision": "fp32"},
        rounds=ROUNDS,
    )
    for seed, name in enumerate(rounds, start=1):
        tiny_model(Path("models") / name, seed=seed)
