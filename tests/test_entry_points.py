"""A stage's `__main__.py` is where it starts, and nothing else: what others need has a module of
its own.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import PROJECT

STAGES = sorted(file.parent.name for file in (PROJECT / "tasks").glob("*/__main__.py"))
OPEN = ("report",)  # its `__main__` holds more than `main` as yet
SOURCES = sorted(
    file
    for folder in ("hone", "tasks", "commands", "flows", "benchmarks", "tests")
    for file in (PROJECT / folder).rglob("*.py")
)


def definitions(tree: ast.Module) -> set[str]:
    """Names that a module defines at its top level, imports aside."""
    named = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    targets = [
        target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
    ]
    targets += [
        node.target for node in tree.body if isinstance(node, ast.AnnAssign | ast.AugAssign)
    ]
    return named | {ast.unparse(target) for target in targets}


def imported_names(tree: ast.Module) -> set[str]:
    """The dotted names that a module imports, wherever in its text."""
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {
                f"{'.' * node.level}{node.module or ''}",
                *(f"{node.module or ''}.{alias.name}" for alias in node.names),
            }
    return names


def is_entry_point(name: str) -> bool:
    """Whether a dotted name is the `__main__` of a stage, or something in it."""
    parts = name.split(".")
    return parts[0] == "tasks" and "__main__" in parts


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage not in OPEN])
def test_an_entry_point_defines_main_and_nothing_else(stage: str):
    tree = ast.parse((PROJECT / "tasks" / stage / "__main__.py").read_text(encoding="utf-8"))
    more = sorted(definitions(tree) - {"main"})
    assert not more, f"tasks/{stage}/__main__.py defines {more}: give them a module of their own"
    assert [
        type(node) for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)
    ] == [ast.Expr, ast.FunctionDef, ast.If]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(PROJECT)))
def test_nobody_imports_the_entry_point_of_a_stage(file: Path):
    found = sorted(
        filter(is_entry_point, imported_names(ast.parse(file.read_text(encoding="utf-8"))))
    )
    assert not found, (
        f"{file.relative_to(PROJECT)} imports {found}: tests run a stage by tests/stages.py, "
        "others import its modules"
    )


def test_an_import_of_an_entry_point_is_seen():
    wrong = (
        "from tasks.sample import __main__ as sample",
        "from tasks.sample.__main__ import main",
        "import tasks.sample.__main__",
    )
    assert all(any(map(is_entry_point, imported_names(ast.parse(line)))) for line in wrong)
    assert definitions(ast.parse("A = 1\nb: int = 2\ndef main(): ...\nclass C: ...")) == {
        "A",
        "b",
        "main",
        "C",
    }
