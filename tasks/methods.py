"""How a line of a recipe becomes a method: look-up by file name, checked parameters, errors that help.

A method is a file. The recipe's own words lead to it: `choose: {top: {n: 4}}` in the section `sample` is the function
`top` in `tasks/sample/choose/top.py`. Its positional parameters are the tables it reads, handed over by name; its
keyword-only parameters are what a recipe may set, checked against their annotations before any work starts. A parameter
that is annotated as `Held` holds lines of a recipe itself (`fused: {of: [dense, bm25]}`), which are checked alike.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from tasks.errors import Refused, nearest
from tasks.params import explained

TASKS = Path(__file__).parent


@dataclass(frozen=True)
class Held:
    """Marks a parameter whose values are lines of a recipe: `of: Annotated[list[Any], Held("retrieve")]`."""

    place: str  # where the methods lie that they name


@dataclass(frozen=True)
class Method:
    """One published way of doing a step."""

    place: str  # where methods of its kind lie: "sample.choose"
    name: str  # as recipes write it: "near-duplicate"
    function: Callable[..., Any]

    @property
    def module(self) -> str:
        return self.function.__module__

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(inspect.getmodule(self.function)) or "").partition("\n")[0]

    def beside(self, name: str, default: Any = None) -> Any:
        """What the method's module says of it under `name`, beside the function; `default` where it says nothing."""
        return getattr(inspect.getmodule(self.function), name, default)

    @property
    def parameters(self) -> type[BaseModel]:
        """What a recipe may set, with types, bounds and defaults."""
        settable = {
            name: parameter
            for name, parameter in inspect.signature(self.function).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY and name not in HANDED_OVER
        }
        # Only of what recipes may set: the tables' types need not be importable without torch.
        annotated = SimpleNamespace(__annotations__={name: parameter.annotation for name, parameter in settable.items()})
        hints = get_type_hints(annotated, vars(inspect.getmodule(self.function)), include_extras=True)
        fields = {
            name: (hints[name], ... if parameter.default is parameter.empty else parameter.default) for name, parameter in settable.items()
        }
        return create_model(self.name, __config__=ConfigDict(extra="forbid"), **fields)

    @property
    def holds(self) -> dict[str, str]:
        """Of every parameter whose values are lines, the place of the methods that they may name."""
        marked = {name: [one for one in field.metadata if isinstance(one, Held)] for name, field in self.parameters.model_fields.items()}
        return {name: found[0].place for name, found in marked.items() if found}

    @property
    def reads(self) -> list[str]:
        """The names of the tables it is handed."""
        return [
            name
            for name, parameter in inspect.signature(self.function).parameters.items()
            if parameter.kind is not parameter.KEYWORD_ONLY or name in HANDED_OVER
        ]

    def __call__(self, parameters: dict[str, Any], **tables: Any) -> Any:
        """Call it with the recipe's parameters and those of `tables` that it reads.

        A recipe may write what Python does not let a parameter be called (`from`): the annotation's `alias`.
        """
        names = {field.alias: name for name, field in self.parameters.model_fields.items() if field.alias}
        given = {names.get(name, name): value for name, value in parameters.items()}
        return self.function(**{name: tables[name] for name in self.reads}, **given)


# Handed over by the stage though they are keyword-only: never a recipe's business.
HANDED_OVER = frozenset({"seed"})


def find(place: str, name: str) -> Method:
    """The method that recipes call `name`.

    Args:
        place: stage and section, such as "retrieve" or "sample.keep".
        name: as written in the recipe.

    Raises:
        Refused: there is none of that name; the message has the nearest one.
    """
    if name not in names(place):
        folder = "/".join(("tasks", *place.split(".")))
        raise Refused(f"'{name}' is no method of {place}: {nearest(name, names(place))} (methods are the files in {folder}/)")
    stem = name.replace("-", "_")
    module = importlib.import_module(f"tasks.{place}.{stem}")
    return Method(place, name, getattr(module, stem))


@cache
def names(place: str) -> tuple[str, ...]:
    """The methods of a place: the files that define a function of the file's own name."""
    folder = TASKS.joinpath(*place.split("."))
    return tuple(
        file.stem.replace("_", "-") for file in sorted(folder.glob("*.py")) if not file.stem.startswith("_") and _defines(file, file.stem)
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
    raise Refused(f"{where}: {given!r} should be a method's name, or {{name: {{parameter: value}}}}")


def checked(place: str, given: Any, where: str) -> dict[str, Any]:
    """A recipe's line with every default filled in, and so every line that it holds: `{"method": name, "parameters": {...}}`.

    A method's module may say beside it `refuse_unfit`, which is given the parameters and raises Refused where each of them is
    possible and they do not fit together.

    Raises:
        Refused: unknown method, unknown parameter, a value out of its range, or a held line that holds lines itself.
    """
    name, parameters = line(given, where)
    try:
        method = find(place, name)
        model = method.parameters
        filled = model(**parameters).model_dump(mode="json", by_alias=True)
        if refuse_unfit := method.beside("refuse_unfit"):
            refuse_unfit(filled)
    except ValidationError as error:
        raise Refused(f"{where}: {name}: {explained(error, model)}") from None
    except Refused as error:
        raise Refused(f"{where}: {error}") from None
    for parameter, inner in method.holds.items():
        within = f"{where}: {name}.{parameter}"
        filled[parameter] = [held_line(inner, one, within) for one in filled[parameter]]
    return {"method": name, "parameters": filled}


def held_line(place: str, given: Any, where: str) -> dict[str, Any]:
    """A line inside another, checked; see `checked`."""
    found = checked(place, given, where)
    if find(place, found["method"]).holds:
        raise Refused(f"{where}: '{found['method']}' holds lines itself and may not stand inside another line: name its own lines here.")
    return found


def with_held(place: str, line: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A checked line and the lines that it holds, each with the place of its method."""
    yield place, line
    for parameter, inner in find(place, line["method"]).holds.items():
        for one in line["parameters"][parameter]:
            yield from with_held(inner, one)


def constant(place: str, name: str, constant: str) -> Any:
    """What a method's module says beside its function, read from its text and not imported; null where it says nothing."""
    tree = ast.parse(TASKS.joinpath(*place.split("."), f"{name.replace('-', '_')}.py").read_bytes())
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == constant for target in node.targets):
            return ast.literal_eval(node.value)
    return None


def _defines(file: Path, function: str) -> bool:
    tree = ast.parse(file.read_bytes())
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in tree.body)
