"""Which code a stage uses: the modules of the project that it imports, however deep, and the packages they import."""

from __future__ import annotations

import ast
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path

from hone.config import user_methods
from hone.files import fingerprint

PROJECT = Path(__file__).parent.parent.parent
PACKAGES = ("tasks", "hone")  # whose modules count wherever a stage imports them
# What a package computes with, though no module of ours imports it.
BEHIND = {"sentence_transformers": ("transformers", "tokenizers"), "bm25s": ("Stemmer",)}


def fingerprints(modules: list[str]) -> dict[str, dict[str, str]]:
    """Hashes of all code that `modules` use, and the versions of the packages behind it.

    A hash is of what the code does: comments, docstrings and layout do not count. Files of a stage's folder that are not
    Python (a page's template) count as they stand.

    Args:
        modules: dotted names of Hone, such as "tasks.sample.__main__", or of the user's own code: in the project it is followed
            like Hone's; of an installed package the module that is named counts, and the version of the package.

    Returns:
        {"code": {module or file: hash}, "packages": {name: version}}.

    Raises:
        Refused: the user's code imports a file of the project that lies where DVC does not look.
    """
    reached: set[str] = set()
    outside: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        if path_of(name) is None:
            outside.add(name.partition(".")[0])
            continue
        inside, others = imports(name)
        waiting += inside
        outside |= others
    beside = {
        str(file.relative_to(PROJECT)): fingerprint(file.read_bytes())
        for name in modules
        if ours(name) and (name.endswith(".__main__") or name.count(".") > 1)
        for file in sorted(path_of(name).parent.iterdir())
        if file.is_file() and file.suffix not in (".py", ".pyc") and not file.name.startswith(".")
    }
    code = {name: meaning(path_of(name) or user_methods.file_of(name)) for name in sorted(reached)}
    return {"code": code | beside, "packages": versions(outside)}


def imports(name: str) -> tuple[frozenset[str], frozenset[str]]:
    """What a module imports, wherever in its text: modules of the project, and top-level names of others.

    The modules of Hone import what is below `tasks` and `hone` alone; one of the user's own also runs the packages it lies in.
    """
    file = path_of(name)
    names = _imported(file.read_bytes(), name if file.name == "__init__.py" else name.rpartition(".")[0])
    if ours(name):
        return _divided(names)
    user_methods.refuse_unwatched(file)
    parts = name.split(".")
    names |= {".".join(parts[:count]) for count in range(1, len(parts))}
    inside = frozenset(found for found in names if path_of(found) is not None)
    return inside, frozenset(found.partition(".")[0] for found in names if not ours(found) and found not in inside)


@cache
def _divided(names: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Of what a module of Hone imports, Hone's modules, and the top-level names of others."""
    return (
        frozenset(found for found in names if ours(found) and path_of(found) is not None),
        frozenset(found.partition(".")[0] for found in names if not ours(found)),
    )


@cache
def _imported(text: bytes, package: str) -> frozenset[str]:
    """The dotted names that a module's text imports; `package` is where relative ones begin."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def ours(name: str) -> bool:
    """Whether a dotted name is of Hone's own code."""
    return name.partition(".")[0] in PACKAGES


def path_of(name: str) -> Path | None:
    """The file of a dotted name of the project; null for what is no module of it (a function that is imported by name)."""
    return _modules().get(name) if ours(name) else user_methods.in_project(name)


@cache
def _modules() -> dict[str, Path]:
    """Hone's own modules by their dotted names, listed once: a check of all recipes looks up names a hundred thousand times."""
    found = [file for package in PACKAGES for file in (PROJECT / package).rglob("*.py")]
    files = sorted(found, key=lambda file: file.name != "__init__.py")
    places = ((file.parent if file.name == "__init__.py" else file.with_suffix(""), file) for file in files)
    return {".".join(place.relative_to(PROJECT).parts): file for place, file in places}


def meaning(file: Path) -> str:
    """A hash of what a Python file does: its syntax tree without docstrings. Of a compiled one, of its bytes."""
    return _meaning(file.read_bytes()) if file.suffix == ".py" else fingerprint(file.read_bytes())


@cache
def _meaning(text: bytes) -> str:
    tree = ast.parse(text)
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
    return {package: _version(package) for package in sorted(packages, key=str.lower)}


@cache
def _version(package: str) -> str:
    return version(package).partition("+")[0]


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: sorted(set(packages)) for name, packages in packages_distributions().items()}
