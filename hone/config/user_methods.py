"""User methods: a function that a recipe names by its dotted path, in `inputs/` or in an installed
package.

A recipe is the user's own file, so naming a function in it is a request to import it. Texts, labels
and responses never cause an import. Project code must be below inputs/ (or tasks/), the folders
that DVC tracks. Elsewhere an edit would rerun nothing.
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
    """The function at a dotted path.

    Raises:
        Refused: the path is invalid, the module is missing or cannot be imported, or it lacks the
            function.
    """
    module, _, last = name.rpartition(".")
    found = imported(module, name)
    functions = [
        other
        for other, value in vars(found).items()
        if inspect.isfunction(value) and value.__module__ == module
    ]
    if not hasattr(found, last):
        raise Refused(
            f"'{name}': {place_of(found)} has no function '{last}': {nearest(last, functions)}"
        )
    if not inspect.isfunction(getattr(found, last)):
        kind = type(getattr(found, last)).__name__
        raise Refused(
            f"'{name}' is not a function but of the type {kind}. Functions of {place_of(found)}: "
            f"{listed(functions) or 'none'}."
        )
    return getattr(found, last)


def imported(module: str, name: str) -> ModuleType:
    """Import a module. `name` is the path in the recipe."""
    file = located(module, name)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module or module.startswith(f"{error.name}."):
            raise Refused(
                f"'{name}': Python does not find {file or module}. Run this in the folder that "
                "contains params.yaml."
            ) from None
        refuse_moved(error, f"'{name}': {file or module}")
        raise Refused(
            f"'{name}': {file or module} imports {error.name}, which is not installed here. "
            "Install it."
        ) from None
    except Exception as error:  # the user's module may raise anything on import
        refuse_moved(error, f"'{name}': {file or module}")
        here = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if file and Path(frame.filename) == file.resolve()
        ]
        line = error.lineno if isinstance(error, SyntaxError) else here[-1] if here else None
        raise Refused(
            f"'{name}': {file or module} cannot be imported: "
            f"{f'line {line}: ' if line else ''}{type(error).__name__}: {error}"
        ) from None


def refuse_moved(error: Exception, who: str) -> None:
    """Raise Refused with the new name if an import uses a module's old name in `tasks`."""
    part = re.match(r"cannot import name '(\w+)' from '([\w.]+)'", str(error))
    old = f"{part[2]}.{part[1]}" if part else str(getattr(error, "name", ""))
    if isinstance(error, ImportError) and old in MOVED:
        raise Refused(
            f"{who} imports {old}, which is now {MOVED[old]}. Change the import."
        ) from None
    inside = [f"{name} is now {new}" for name, new in MOVED.items() if name.startswith(f"{old}.")]
    if isinstance(error, ModuleNotFoundError) and inside:  # its folder no longer exists either
        raise Refused(
            f"{who} imports from {old}, which no longer exists: {'; '.join(inside)}. Change the "
            "import."
        ) from None


def refuse_result(
    name: str, found: object, columns: Sequence[str], among: pl.DataFrame | None = None
) -> None:
    """Check the table that a user's function returned.

    Args:
        name: its dotted path. Hone's methods are not checked.
        found: the returned value.
        columns: required columns.
        among: query_id, doc_id of the allowed rows. Null: any.

    Raises:
        Refused: it is not a valid table.
    """
    import polars as pl

    if not dotted(name):
        return
    if not isinstance(found, pl.DataFrame):
        raise Refused(
            f"{name} returned {type(found).__name__}. Return a polars DataFrame with "
            f"{', '.join(columns)}."
        )
    lacking = [column for column in columns if column not in found.columns]
    if lacking:
        raise Refused(
            f"{name} returned a table without {listed(lacking)}. It has "
            f"{listed(found.columns, 10)}. Add the missing columns."
        )
    if among is not None:
        pairs = found.select("query_id", "doc_id")
        strange = pairs.join(among, on=["query_id", "doc_id"], how="anti")
        twice = pairs.filter(pairs.is_duplicated())
        for rows, why in ((strange, "is not a candidate of the pool"), (twice, "is duplicated")):
            if len(rows):
                raise Refused(
                    f"{name} chose the document '{rows['doc_id'][0]}' for the query "
                    f"'{rows['query_id'][0]}', which {why}."
                )


def located(module: str, name: str) -> Path | None:
    """The file of a project module. Null for a module of an installed package.

    Raises:
        Refused: the module does not exist, or DVC does not track its folder.
    """
    if not NAME.fullmatch(name):
        raise Refused(
            f"'{name}' is not a path to a function. Write inputs.file.function, each a valid "
            "Python name."
        )
    file = in_project(module)
    if file is not None:
        refuse_unwatched(file)
        return file
    if in_project(name) is not None:
        raise Refused(
            f"'{name}' is the file {in_project(name)}. Name one of its functions, {name}.FUNCTION."
        )
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        beside = sorted(".".join(other.with_suffix("").parts) for other in INPUTS.rglob("*.py"))
        hint = nearest(module, beside) if beside else "your own modules are files in inputs/"
        raise Refused(
            f"'{name}': there is no module {module}, neither {Path(*module.split('.'))}.py nor in "
            f"an installed package; {hint}"
        )
    return None


def refuse_unwatched(file: Path) -> None:
    """Raise Refused for project code in a folder that DVC does not track."""
    if not any(file.is_relative_to(folder) for folder in WATCHED):
        raise Refused(
            f"{file} is outside inputs/, so DVC does not notice its changes. Move it below inputs/."
        )


def in_project(module: str) -> Path | None:
    """The file of a module below the current folder, relative to it. Null if there is none."""
    place = Path(*module.split("."))
    return next(
        (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None
    )


def file_of(module: str) -> Path:
    """The source file of a module, without importing it.

    Raises:
        Refused: there is none.
    """
    file = in_project(module)
    if file is not None:
        return file
    located(module, f"{module}.function")
    return Path(importlib.util.find_spec(module).origin)


def place_of(module: ModuleType) -> str:
    """A module's file as known to the user."""
    file = in_project(module.__name__)
    return str(file) if file else module.__name__
