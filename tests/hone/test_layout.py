"""Where a project keeps what is named in one module, so that a folder can move and a stage's
outputs can be found.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from hone import layout
from tests.conftest import PROJECT

SOURCES = sorted(
    file
    for folder in ("hone", "tasks", "commands", "flows")
    for file in (PROJECT / folder).rglob("*.py")
    if file != PROJECT / "hone" / "layout.py"
)
FOLDERS = {
    layout.INPUTS,
    layout.DATA,
    layout.ROUNDS,
    layout.MODELS,
    layout.RANKERS,
    layout.REPORTS,
    layout.RESOLVED,
}
NAMES = {
    name
    for name, value in vars(layout).items()
    if isinstance(value, Path) and (value in FOLDERS or value.parent == layout.REPORTS)
}
FILES = (".parquet", ".json", ".trec")


def literal(node: ast.expr) -> str | None:
    """The text of a literal, or how an f-string begins and ends; null for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else "*" for part in node.values
        )
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def first_of(node: ast.expr) -> str | None:
    """The name that a chain of `/` begins with."""
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        node = node.left
    return node.id if isinstance(node, ast.Name) else None


def own_paths(tree: ast.Module) -> list[str]:
    """Paths of a project's folders that a module writes itself: `Path("reports/x")`, or
    `ROUNDS / name / "labels.parquet"`.
    """
    found = []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("Path", "pathlib.Path")
            and node.args
        ):
            text = literal(node.args[0])
            if text and Path(text.split("/")[0]) in FOLDERS:
                found.append(ast.unparse(node))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and first_of(node) in NAMES:
            text = literal(node.right)
            if text and (text.endswith(FILES)):
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(PROJECT)))
def test_only_the_layout_names_paths_of_a_project(file: Path):
    found = own_paths(ast.parse(file.read_text(encoding="utf-8")))
    assert not found, (
        f"{file.relative_to(PROJECT)} writes {found}: give the path a name in hone/layout.py"
    )


def test_a_path_is_seen_however_it_is_written():
    wrong = (
        'Path("inputs")',
        'Path("reports/drift.json")',
        'Path(f"rounds/{r}")',
        'ROUNDS / r / "labels.parquet"',
        'METRICS / f"{c}.json"',
    )
    assert [len(own_paths(ast.parse(line))) for line in wrong] == [1] * len(wrong)
    right = (
        'Path("recipes")',
        'place / "labels.parquet"',
        'home() / "x.json"',
        "ROUNDS / round",
        "Path(given)",
    )
    assert not any(own_paths(ast.parse(line)) for line in right)


def test_paths_of_tables_and_results():
    assert layout.round_table("r1", "labels") == Path("rounds/r1/labels.parquet")
    assert layout.removed_table("r1", "sample") == Path("rounds/r1/removed/sample.parquet")
    assert layout.round_account("r1", "relabel") == Path("rounds/r1/relabel.json")
    assert layout.collection_table("ours", "documents") == Path("data/ours/documents.parquet")
    assert layout.collection_table("ours", "qrels", "test") == Path("data/ours/test/qrels.parquet")
    assert layout.settings_file("rounds/r1/score") == Path("resolved/rounds/r1/score.json")
    assert layout.metrics_file("r1", "ours") == Path("reports/metrics/r1/ours.json")
    assert layout.query_values_file("r1", "ours") == Path("reports/queries/r1/ours.parquet")
    assert layout.run_file("r1", "ours") == Path("reports/runs/r1/ours.trec")
    assert layout.leakage_file("ours") == Path("reports/leakage/ours.json")
    assert Path("rounds/r0/training.json") == layout.TRAINING_LIST
