"""Statistics work on arrays: whoever has numpy and scipy can use `hone.stats` alone."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

ALLOWED = {*sys.stdlib_module_names, "numpy", "scipy"}
MODULES = sorted((PROJECT / "hone" / "stats").rglob("*.py"))


def imported(text: str) -> set[str]:
    """The dotted names that a module imports from, wherever in its text."""
    nodes = list(ast.walk(ast.parse(text)))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {
        f"{'.' * node.level}{node.module or ''}"
        for node in nodes
        if isinstance(node, ast.ImportFrom)
    }


def foreign(names: set[str]) -> list[str]:
    """Those that are of neither the standard library, numpy, scipy nor hone.stats."""
    return sorted(
        name
        for name in names
        if name.split(".")[0] not in ALLOWED and name.split(".")[:2] != ["hone", "stats"]
    )


@pytest.mark.parametrize("module", MODULES, ids=lambda file: file.stem)
def test_statistics_import_the_standard_library_numpy_and_scipy(module: Path):
    assert foreign(imported(module.read_text(encoding="utf-8"))) == []


def test_an_import_inside_a_function_counts():
    text = (
        "import math\nfrom hone.stats import auc\ndef f():\n    from sklearn.isotonic import "
        "x\n    import polars as pl\n"
    )
    assert foreign(imported(text)) == ["polars", "sklearn.isotonic"]
    assert foreign(
        imported("from hone.layout import PAIR\nfrom . import auc\nimport hone.statsx")
    ) == [".", "hone.layout", "hone.statsx"]
