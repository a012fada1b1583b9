"""Methods of the user's own: a function that a recipe names by its dotted path, in `inputs/` or in an installed package.

A recipe is the user's own file, and so importing what it names is what it asks for. Nothing else leads to an import: no text, label or
answer does. Code of the project lies below inputs/ (or tasks/), the folders that DVC watches: elsewhere an edit would run nothing again.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hone.config.moved_modules import MOVED
from hone.errors import Refused, listed, nearest
from hone.layout import INPUTS

if TYPE_CHECKING:
    import polars as pl

WATCHED = (INPUTS, Path("tasks"), Path("hone"))
NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def dotted(name: str) -> bool:
    """Whether a method's name is a path to a function."""
    return "." in name


def function(name: str) -> Callable[..., Any]:
    """The function that a dotted path names.

    Raises:
        Refused: the path is none, the module is not there or cannot be imported, or it has no such function.
    """
    module, _, last = name.rpartition(".")
    found = imported(module, name)
    there = [other for other, value in vars(found).items() if inspect.isfunction(value) and value.__module__ == module]
    if not hasattr(found, last):
        raise Refused(f"'{name}': {place_of(found)} has no function '{last}': {nearest(last, there)}")
    if not inspect.isfunction(getattr(found, last)):
        kind = type(getattr(found, last)).__name__
        raise Refused(f"'{name}' is no function but of the type {kind}; functions of {place_of(found)}: {listed(there) or 'none'}.")
    return getattr(found, last)


def imported(module: str, name: str) -> ModuleType:
    """A module, imported; `name` is the path as the recipe has it."""
    file = located(module, name)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module or module.startswith(f"{error.name}."):
            raise Refused(f"'{name}': {file or module} is not found by Python: run this in the folder that holds params.yaml.") from None
        refuse_moved(error, f"'{name}': {file or module}")
        raise Refused(f"'{name}': {file or module} imports {error.name}, which is not installed here.") from None
    except Exception as error:  # whatever the user's module does when it is imported
        refuse_moved(error, f"'{name}': {file or module}")
        here = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if file and Path(frame.filename) == file.resolve()]
        line = error.lineno if isinstance(error, SyntaxError) else here[-1] if here else None
        raise Refused(
            f"'{name}': {file or module} cannot be imported: {f'line {line}: ' if line else ''}{type(error).__name__}: {error}"
        ) from None


def refuse_moved(error: Exception, who: str) -> None:
    """Raises Refused, with the new name, where an import asks for a module by the name that it had in `tasks`."""
    part = re.match(r"cannot import name '(\w+)' from '([\w.]+)'", str(error))
    old = f"{part[2]}.{part[1]}" if part else str(getattr(error, "name", ""))
    if isinstance(error, ImportError) and old in MOVED:
        raise Refused(f"{who} imports {old}, which is {MOVED[old]} now.") from None
    inside = [f"{name} is {new} now" for name, new in MOVED.items() if name.startswith(f"{old}.")]
    if isinstance(error, ModuleNotFoundError) and inside:  # its folder is gone too
        raise Refused(f"{who} imports something of {old}, which is no more: {'; '.join(inside)}.") from None


def refuse_result(name: str, found: object, columns: Sequence[str], among: pl.DataFrame | None = None) -> None:
    """Looks at the table that a function of the user's own returned.

    Args:
        name: its dotted path; a method of Hone's is not looked at.
        found: what it returned.
        columns: that the table must have.
        among: query_id, doc_id of the rows that it may be made of; null: any.

    Raises:
        Refused: it is no such table.
    """
    import polars as pl

    if not dotted(name):
        return
    if not isinstance(found, pl.DataFrame):
        raise Refused(f"{name} returned {type(found).__name__}: it should return a polars DataFrame with {', '.join(columns)}.")
    lacking = [column for column in columns if column not in found.columns]
    if lacking:
        raise Refused(f"{name} returned a table without {listed(lacking)}; it has {listed(found.columns, 10)}.")
    if among is not None:
        pairs = found.select("query_id", "doc_id")
        strange = pairs.join(among, on=["query_id", "doc_id"], how="anti")
        twice = pairs.filter(pairs.is_duplicated())
        for rows, why in ((strange, "is no candidate of the pool"), (twice, "stands there twice")):
            if len(rows):
                raise Refused(f"{name} chose the document '{rows['doc_id'][0]}' for the query '{rows['query_id'][0]}', which {why}.")


def located(module: str, name: str) -> Path | None:
    """The file of a module of the project; null for one of an installed package.

    Raises:
        Refused: there is no such module, or it lies where DVC does not look.
    """
    if not NAME.fullmatch(name):
        raise Refused(f"'{name}' is no path to a function: write inputs.file.function, each a name of Python's.")
    file = in_project(module)
    if file is not None:
        refuse_unwatched(file)
        return file
    if in_project(name) is not None:
        raise Refused(f"'{name}' is the file {in_project(name)}: name one of its functions, {name}.FUNCTION.")
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        beside = sorted(".".join(other.with_suffix("").parts) for other in INPUTS.rglob("*.py"))
        hint = nearest(module, beside) if beside else "a module of your own is a file in inputs/"
        raise Refused(f"'{name}': there is no module {module}, neither {Path(*module.split('.'))}.py nor in an installed package: {hint}")
    return None


def refuse_unwatched(file: Path) -> None:
    """Raises Refused for code of the project that lies where DVC does not look."""
    if not any(file.is_relative_to(folder) for folder in WATCHED):
        raise Refused(f"{file} lies outside inputs/, so that DVC would not see when it is edited: move it below inputs/.")


def in_project(module: str) -> Path | None:
    """The file of a module below the current folder, relative to it; null where there is none."""
    place = Path(*module.split("."))
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def file_of(module: str) -> Path:
    """The file that a module's text stands in, which is not imported.

    Raises:
        Refused: there is none.
    """
    file = in_project(module)
    if file is not None:
        return file
    located(module, f"{module}.function")
    return Path(importlib.util.find_spec(module).origin)


def place_of(module: ModuleType) -> str:
    """A module's file as the user knows it."""
    file = in_project(module.__name__)
    return str(file) if file else module.__name__
