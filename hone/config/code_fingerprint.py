"""The code of a stage: all project modules that it imports, directly or indirectly, and their
packages.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path

from hone.config import user_methods
from hone.files import fingerprint

PROJECT = Path(__file__).parent.parent.parent
PACKAGES = ("tasks", "hone")  # packages whose modules count wherever a stage imports them
# Computing dependencies of packages, which no module here imports.
BEHIND = {"sentence_transformers": ("transformers", "tokenizers"), "bm25s": ("Stemmer",)}


def fingerprints(modules: list[str]) -> dict[str, dict[str, str]]:
    """Hashes of all code that `modules` use, and the versions of the imported packages.

    A hash covers the behavior of the code: comments, docstrings and formatting do not count. Files
    of a stage's folder that are not Python (a page's template) are hashed as bytes.

    Args:
        modules: dotted names of Hone, such as "tasks.sample.__main__", or of the user's code. User
            code in the project is followed like Hone's. For an installed package, the named module
            and the package version count.

    Returns:
        {"code": {module or file: hash}, "packages": {name: version}}.

    Raises:
        Refused: the user's code imports a project file that DVC does not track.
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
    """All imports of a module, anywhere in its text: project modules, and top-level names of
    others.

    Hone's modules import only from `tasks` and `hone`. A user's module also runs the packages that
    contain it.
    """
    file = path_of(name)
    names = _imported(
        file.read_bytes(), name if file.name == "__init__.py" else name.rpartition(".")[0]
    )
    if ours(name):
        return _divided(names)
    user_methods.refuse_unwatched(file)
    parts = name.split(".")
    names |= {".".join(parts[:count]) for count in range(1, len(parts))}
    inside = frozenset(found for found in names if path_of(found) is not None)
    return inside, frozenset(
        found.partition(".")[0] for found in names if not ours(found) and found not in inside
    )


@cache
def _divided(names: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Hone modules and top-level names of others that a Hone module imports."""
    return (
        frozenset(found for found in names if ours(found) and path_of(found) is not None),
        frozenset(found.partition(".")[0] for found in names if not ours(found)),
    )


@cache
def _imported(text: bytes, package: str) -> frozenset[str]:
    """The dotted names that a module's text imports. `package` is the base of relative ones."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = (
                package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            )
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def ours(name: str) -> bool:
    """Whether a dotted name belongs to Hone's own code."""
    return name.partition(".")[0] in PACKAGES


def path_of(name: str) -> Path | None:
    """The file of a dotted name in the project. Null if it is not a module (an imported
    function).
    """
    return _modules().get(name) if ours(name) else user_methods.in_project(name)


@cache
def _modules() -> dict[str, Path]:
    """Hone's own modules by dotted name, listed once: a check of all recipes looks up 100,000
    names.
    """
    found = [file for package in PACKAGES for file in (PROJECT / package).rglob("*.py")]
    files = sorted(found, key=lambda file: file.name != "__init__.py")
    places = (
        (file.parent if file.name == "__init__.py" else file.with_suffix(""), file)
        for file in files
    )
    return {".".join(place.relative_to(PROJECT).parts): file for place, file in places}


def meaning(file: Path) -> str:
    """A hash of a Python file: its syntax tree without docstrings. For compiled modules, of the
    bytes.
    """
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
    """Versions of the installed packages that provide these top-level names, except the standard
    library.
    """
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
