"""A made-up collection in which a document is right if it has the word red: a ranker can learn
that, an encoder does not know it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.prepared import pairs, prepare, write_rows
from tests.stages import retrieve
from tests.tiny_model import WORDS, tiny_model

OTHERS = [word for word in WORDS if word != "red"]
RIGHT = {f"right{number}": f"{OTHERS[number]} red {OTHERS[number + 4]}" for number in range(4)}
WRONG = {
    f"wrong{number}": f"{OTHERS[number % 20]} {OTHERS[(number * 3 + 1) % 20]} "
    f"{OTHERS[(number * 7 + 2) % 20]}"
    for number in range(20)
}
QUERIES = {
    f"q{number}": f"{OTHERS[number % 20]} {OTHERS[(number * 5 + 3) % 20]}" for number in range(16)
}
SPLITS = {
    name: "train" if number < 9 else "dev" if number < 15 else "test"
    for number, name in enumerate(QUERIES)
}
MODEL = {"name": "inputs/tiny", "max_length": 16, "precision": "fp32"}
RANK = {
    "learning_rate": 0.005,
    "epochs": 12,
    "batch": 12,
    "negatives": 4,
    "random": 0,
    "precision": "fp32",
    "rerank": 24,
}


def prepared(*rounds: dict[str, Any], **more: Any) -> None:
    """Rounds r1, r2, ... each with a recipe of these sections, as far as the candidates of r1."""
    queries = [
        {"query_id": name, "text": text, "split": SPLITS[name]} for name, text in QUERIES.items()
    ]
    documents = [{"doc_id": name, "text": text} for name, text in (RIGHT | WRONG).items()]
    write_rows(
        Path("inputs/ours"),
        documents,
        queries,
        pairs(*((query, doc) for query in QUERIES for doc in RIGHT)),
    )
    if not Path("inputs/tiny").exists():
        tiny_model(Path("inputs/tiny"))
    Path("recipes").mkdir(exist_ok=True)
    for number, sections in enumerate(rounds, start=1):
        given = {"about": "a test", "retrieve": [{"dense": {"depth": 24}}]} | sections
        Path(f"recipes/of{number}.yaml").write_text(yaml.safe_dump(given))
    named = {
        f"r{number}": {"from": f"r{number - 1}", "recipe": f"of{number}"}
        for number in range(1, len(rounds) + 1)
    }
    prepare(model=MODEL, rounds=named, **more)
    retrieve("r1")
