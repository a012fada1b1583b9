"""A workspace whose first stages have really run: resolve, collect and start, on a small collection of the test's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from tasks.collect import __main__ as collect
from tasks.resolve import __main__ as resolve
from tasks.start import __main__ as start

PROJECT = Path(__file__).parent.parent
COLLECTION = {"source": "folder", "path": "inputs/ours"}
ROUNDS = {"r1": {"from": "r0", "recipe": "top-k"}}

Rows = list[dict[str, Any]]


def write_rows(folder: Path, documents: Rows, queries: Rows, qrels: Rows) -> None:
    """The three JSON Lines files of a `folder` collection."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("documents", documents), ("queries", queries), ("qrels", qrels)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def pairs(*given: tuple[str, str], **more: Any) -> Rows:
    """qrels: query and document of each."""
    return [{"query_id": query, "doc_id": doc} | more for query, doc in given]


def write_params(**sections: Any) -> None:
    """params.yaml with one folder collection, and the recipes of the project."""
    given = {"collections": {"ours": COLLECTION}, "train_on": ["ours"], "evaluate_on": ["ours"], "rounds": ROUNDS} | sections
    Path("params.yaml").write_text(yaml.safe_dump(given, sort_keys=False), encoding="utf-8")
    Path("inputs").mkdir(exist_ok=True)
    if not Path("recipes").exists():
        shutil.copytree(PROJECT / "recipes", "recipes")


def prepare(**sections: Any) -> None:
    """Write params.yaml and run resolve, collect for each collection, and start, in the current folder."""
    write_params(**sections)
    collected(**sections)
    start.main()


def collected(**sections: Any) -> None:
    """Run resolve and collect as far as params.yaml stands."""
    resolve.main()
    for name in sections.get("collections", {"ours": None}):
        collect.main(name)
