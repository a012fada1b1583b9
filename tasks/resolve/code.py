"""Which code a stage uses: the modules of tasks/ that it imports, however deep, and the packages they import."""

from __future__ import annotations

import ast
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path

from tasks.files import fingerprint

TASKS = Path(__file__).parent.parent
# What a package computes with, though no module of ours imports it.
BEHIND = {"sentence_transformers": ("transformers", "tokenizers"), "bm25s": ("Stemmer",)}


def fingerprints(modules: list[str]) -> dict[str, dict[str, str]]:
    """Hashes of all code that `modules` use, and the versions of the packages behind it.

    A hash is of what the code does: comments, docstrings and layout do not count. Files of a stage's folder that are not
    Python (a page's template) count as they stand.

    Args:
        modules: dotted names below `tasks`, such as "tasks.sample.__main__".

    Returns:
        {"code": {module or file: hash}, "packages": {name: version}}.
    """
    reached: set[str] = set()
    outside: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        inside, others = imports(name)
        waiting += inside
        outside |= others
    beside = {
        str(file.relative_to(TASKS.parent)): fingerprint(file.read_bytes())
        for name in modules
        if name.endswith(".__main__") or name.count(".") > 1
        for file in sorted(path_of(name).parent.iterdir())
        if file.is_file() and file.suffix not in (".py", ".pyc") and not file.name.startswith(".")
    }
    code = {name: meaning(path_of(name)) for name in sorted(reached)}
    return {"code": code | beside, "packages": versions(outside)}


@cache
def imports(name: str) -> tuple[frozenset[str], frozenset[str]]:
    """What a module imports, wherever in its text: modules of tasks/, and top-level names of others."""
    inside, outside = set(), set()
    for node in ast.walk(ast.parse(path_of(name).read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for found in names:
            if found == "tasks" or found.startswith("tasks."):
                if path_of(found) is not None:
                    inside.add(found)
            else:
                outside.add(found.partition(".")[0])
    return frozenset(inside), frozenset(outside)


def path_of(name: str) -> Path | None:
    """The file of a dotted name below `tasks`; null for what is no module (a function that is imported by name)."""
    place = TASKS.parent.joinpath(*name.split("."))
    for file in (place.with_suffix(".py"), place / "__init__.py"):
        if file.is_file():
            return file
    return None


@cache
def meaning(file: Path) -> str:
    """A hash of what a Python file does: its syntax tree without docstrings."""
    tree = ast.parse(file.read_bytes())
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node, False) is not None
        ):
            node.body = node.body[1:]
    return fingerprint(ast.dump(tree))


def versions(names: set[str] | frozenset[str]) -> dict[str, str]:
    """Versions of the installed packages that provide these top-level names; the standard library has none."""
    provided = _distributions()
    wanted = names | {behind for name in names for behind in BEHIND.get(name, ())}
    packages = {package for name in wanted for package in provided.get(name, ())}
    return {package: version(package).partition("+")[0] for package in sorted(packages, key=str.lower)}


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: sorted(set(packages)) for name, packages in packages_distributions().items()}
