"""A collection with documents alone, a recipe of generation, and an imitation of a chat server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.hone.llm.answering import Server, documents_of
from tests.prepared import collected, write_params

COLORS = ("red", "blue", "green", "old", "new", "cold", "hot", "sweet")
DOCUMENTS = [
    {"doc_id": f"d{number}", "text": f"The {color} bird sings about number {number} in the tree."}
    for number, color in enumerate(COLORS)
]


def asks(body: dict) -> str:
    """A question about the number of the document."""
    number = "".join(letter for letter in documents_of(body)[0] if letter.isdigit())
    return f"which creature makes music for item {number} outside"


def write_documents(rows: list[dict] = DOCUMENTS) -> None:
    """The file of a collection without queries."""
    Path("inputs/ours").mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    Path("inputs/ours/documents.jsonl").write_text(lines, encoding="utf-8")


def write_recipe(name: str = "mine", **sections: Any) -> None:
    """A recipe of generation."""
    given = {
        "about": "a test",
        "methods": ["questions"],
        "filters": ["length"],
        "generator": "writer",
    } | sections
    folder = Path("recipes/generate")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")


def prepare(
    server: Server | None, recipe: dict[str, Any], generator: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Resolve and collect a collection without queries.

    Args:
        server: the generator's; null: a closed port.
        recipe: sections of the recipe.
        generator: further parameters of the generator.

    Returns:
        The sections of params.yaml.
    """
    url = server.url if server else "http://127.0.0.1:9/v1"
    endpoint = {"url": url, "model": "made-up", "timeout": 5} | (generator or {})
    sections = {
        "collections": {"ours": {"source": "folder", "path": "inputs/ours", "generate": "mine"}},
        "generators": {"writer": {"endpoint": endpoint}},
    }
    write_params(**sections)
    write_recipe(**recipe)
    collected(**sections)
    return sections
