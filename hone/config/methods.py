"""Methods of recipes: look-up by file name, checked parameters, helpful errors.

A method is a file, and the recipe names it directly: `choose: {top: {n: 4}}` in the section
`sample` is the function `top` in `tasks/sample/choose/top.py`. A dotted name is a user's function:
`choose: {inputs.mine.closest: {n: 4}}` is `closest` in `inputs/mine.py`
(`hone.config.user_methods`). Positional parameters are input tables, passed by name. Keyword-only
parameters are settings of the recipe, checked against their annotations before any work starts. A
parameter with the annotation `Held` contains lines of a recipe itself
(`fused: {of: [dense, bm25]}`), which are checked too.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from hone.config import user_methods
from hone.config.params import explained
from hone.errors import Refused, nearest

TASKS = Path(__file__).parent.parent.parent / "tasks"


@dataclass(frozen=True)
class Held:
    """Marks a parameter whose values are lines of a recipe:
    `of: Annotated[list[Any], Held("retrieve")]`.
    """

    place: str  # the folder of the methods that they name


@dataclass(frozen=True)
class Method:
    """One published method of a step."""

    place: str  # the place of its kind: "sample.choose"
    name: str  # its name in recipes: "near-duplicate", or dotted: "inputs.mine.closest"
    function: Callable[..., Any]
    module: str  # the module in which it was found, which may import it from elsewhere

    def beside(self, name: str, default: Any = None) -> Any:
        """The attribute `name` of the method's module, or `default` if it is missing."""
        return getattr(sys.modules[self.module], name, default)

    @property
    def parameters(self) -> type[BaseModel]:
        """The settings of a recipe, with types, bounds and defaults."""
        return settable(self.name, self.function)

    @property
    def holds(self) -> dict[str, str]:
        """The place of the methods that each parameter with lines may name."""
        marked = {
            name: [one for one in field.metadata if isinstance(one, Held)]
            for name, field in self.parameters.model_fields.items()
        }
        return {name: found[0].place for name, found in marked.items() if found}

    @property
    def reads(self) -> list[str]:
        """The names of its input tables."""
        return [
            name
            for name, parameter in inspect.signature(self.function).parameters.items()
            if parameter.kind is not parameter.KEYWORD_ONLY or name in HANDED_OVER
        ]

    def __call__(self, parameters: dict[str, Any], **tables: Any) -> Any:
        """Call it with the recipe's parameters and the `tables` that it reads.

        A recipe may use a reserved Python word (`from`) as a name: the `alias` of the annotation.
        """
        names = {
            field.alias: name for name, field in self.parameters.model_fields.items() if field.alias
        }
        given = {names.get(name, name): value for name, value in parameters.items()}
        return self.function(**{name: tables[name] for name in self.reads}, **given)


# Passed by the stage although they are keyword-only. A recipe cannot set them.
HANDED_OVER = frozenset({"seed"})


@cache
def settable(name: str, function: Callable[..., Any]) -> type[BaseModel]:
    """The keyword-only parameters of a method's function as a model named `name`."""
    given = {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in HANDED_OVER
    }
    # Only the settings: the types of tables need not be importable without torch.
    annotated = SimpleNamespace(
        __annotations__={name: parameter.annotation for name, parameter in given.items()}
    )
    hints = get_type_hints(annotated, function.__globals__, include_extras=True)
    fields = {
        name: (hints[name], ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in given.items()
    }
    return create_model(name, __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields)


def find(place: str, name: str) -> Method:
    """The method with the recipe name `name`.

    Args:
        place: stage and section, such as "retrieve" or "sample.filters".
        name: as in the recipe. A dotted name is a function of the user.

    Raises:
        Refused: the method does not exist. The message suggests the nearest name.
    """
    if user_methods.dotted(name):
        return refuse_uncallable(
            Method(place, name, user_methods.function(name), name.rpartition(".")[0])
        )
    if name not in names(place):
        folder = "/".join(("tasks", *place.split(".")))
        raise Refused(
            f"'{name}' is not a method of {place}: {nearest(name, names(place))} (methods are the "
            f"files in {folder}/)"
        )
    stem = name.replace("-", "_")
    module = importlib.import_module(f"tasks.{place}.{stem}")
    return Method(place, name, getattr(module, stem), module.__name__)


def refuse_uncallable(method: Method) -> Method:
    """A user's method, if the stage can call it.

    Raises:
        Refused: it needs a table that the stage does not provide, or a parameter lacks a checkable
            type.
    """
    given = handed(method.place)
    for name, parameter in inspect.signature(method.function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise Refused(
                f"'{method.name}' has a parameter *{name}. Name each table and each parameter, so "
                "they can be checked."
            )
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise Refused(
                f"'{method.name}' has a positional-only parameter `{name}`. Remove the `/`, "
                "because tables are passed by name."
            )
        if parameter.kind is not parameter.KEYWORD_ONLY and name not in given:
            raise Refused(
                f"'{method.name}' needs the table `{name}`, which {method.place} does not "
                "provide. Available: "
                f"{', '.join(sorted(given))}. Settings of a recipe come after a `*`."
            )
        if (
            parameter.kind is parameter.KEYWORD_ONLY
            and name not in HANDED_OVER
            and parameter.annotation is parameter.empty
        ):
            raise Refused(
                f"'{method.name}' has no type for `{name}`. Write `{name}: int` or `{name}: "
                "Annotated[int, Field(ge=1)]`."
            )
    try:
        _ = method.parameters
    except Exception as error:  # an annotation of the user may contain anything
        raise Refused(
            f"'{method.name}' has a type that cannot be checked: {type(error).__name__}: "
            f"{error}".splitlines()[0]
        ) from None
    return method


@cache
def handed(place: str) -> frozenset[str]:
    """The tables that a stage provides: those that Hone's own methods read, and in `sample` the
    round's name.
    """
    read = (
        name
        for one in same_stage(place)
        for method in names(one)
        for name in _asks(path_of(one, method), method.replace("-", "_"))
    )
    return frozenset(read) | ({"round"} if place in same_stage("sample.filters") else frozenset())


def same_stage(place: str) -> tuple[str, ...]:
    """The places whose methods receive the same tables, such as the rules of `sample`."""
    rules = ("sample.filters", "sample.choose")
    return rules if place in rules else (place,)


def path_of(place: str, name: str) -> Path:
    """The file of a method, without importing it."""
    if user_methods.dotted(name):
        return user_methods.file_of(name.rpartition(".")[0])
    return TASKS.joinpath(*place.split("."), f"{name.replace('-', '_')}.py")


@cache
def names(place: str) -> tuple[str, ...]:
    """The methods of a place: files with a function of the same name, whose docstring begins with
    the method's name.

    A file without a docstring may be a method too. A helper module states its purpose in its first
    line.
    """
    folder = TASKS.joinpath(*place.split("."))
    return tuple(
        file.stem.replace("_", "-")
        for file in sorted(folder.glob("*.py"))
        if not file.stem.startswith("_") and _defines(file, file.stem)
    )


def line(given: Any, where: str) -> tuple[str, dict[str, Any]]:
    """Name and parameters of a recipe's line, which is `name` or `{name: {parameter: value}}`."""
    if isinstance(given, str):
        return given, {}
    if isinstance(given, dict) and len(given) == 1:
        ((name, parameters),) = given.items()
        if parameters is None:
            return str(name), {}
        if isinstance(parameters, dict):
            return str(name), parameters
        raise Refused(
            f"{where}: {name}: {parameters!r} is not a mapping of parameters. Write {{parameter: "
            "value}",
            (str(name),),
        )
    if isinstance(given, dict) and given:
        raise Refused(
            f"{where}: {' and '.join(map(str, given))} are {len(given)} names, but one method is "
            "expected. Indent its parameters "
            "further, or, in a list, start each method with '- '."
        )
    if isinstance(given, list):
        raise Refused(
            f"{where}: {given!r} is a list, but one method is expected. Remove the brackets or "
            "the '- '."
        )
    raise Refused(
        f"{where}: {given!r} is not a method. Write its name, or {{name: {{parameter: value}}}}"
    )


def checked(place: str, given: Any, where: str) -> dict[str, Any]:
    """A recipe's line with all defaults, and with all lines that it contains:
    `{"method": name, "parameters": {...}}`.

    A method's module may define `refuse_unfit`, which receives the parameters. It raises Refused if
    valid values do not fit together.

    Raises:
        Refused: unknown method, unknown parameter, value out of range, or a nested line that
            contains lines itself.
    """
    name, parameters = line(given, where)
    try:
        method = find(place, name)
        model = method.parameters
        filled = model(**parameters).model_dump(mode="json", by_alias=True)
        if refuse_unfit := method.beside("refuse_unfit"):
            refuse_unfit(filled)
    except ValidationError as error:
        raise Refused(
            f"{where}: {name}: {explained(error, model)}", (name, *error.errors()[0]["loc"])
        ) from None
    except Refused as error:
        raise Refused(f"{where}: {error}", (name,)) from None
    for parameter, inner in method.holds.items():
        within = f"{where}: {name}.{parameter}"
        filled[parameter] = [check_inner_line(inner, one, within) for one in filled[parameter]]
    return {"method": name, "parameters": filled}


def check_inner_line(place: str, given: Any, where: str) -> dict[str, Any]:
    """Check a line inside another (see `checked`)."""
    found = checked(place, given, where)
    if find(place, found["method"]).holds:
        raise Refused(
            f"{where}: '{found['method']}' contains lines itself and cannot be nested. List its "
            "own lines here."
        )
    return found


def with_inner_lines(place: str, line: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A checked line and the lines that it contains, each with the place of its method."""
    yield place, line
    for parameter, inner in find(place, line["method"]).holds.items():
        for one in line["parameters"][parameter]:
            yield from with_inner_lines(inner, one)


def constant(place: str, name: str, constant: str) -> Any:
    """An attribute of a method's module, read from its text without importing it. Null if it is
    missing.
    """
    tree = ast.parse(path_of(place, name).read_bytes())
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == constant for target in node.targets
        ):
            return ast.literal_eval(node.value)
    return None


def _defines(file: Path, function: str) -> bool:
    docstring = ast.get_docstring(ast.parse(file.read_bytes()))
    return _function(file, function) is not None and (
        docstring is None or docstring.startswith(f"{function.replace('_', '-')}:")
    )


def _asks(file: Path, function: str) -> list[str]:
    arguments = _function(file, function).args
    later = [item.arg for item in arguments.kwonlyargs if item.arg in HANDED_OVER]
    return [item.arg for item in arguments.args] + later


def _function(file: Path, function: str) -> ast.FunctionDef | None:
    tree = ast.parse(file.read_bytes())
    return next(
        (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function),
        None,
    )
