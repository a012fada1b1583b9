"""How a line of a recipe becomes a method: look-up by file name, checked parameters, errors that help.

A method is a file. The recipe's own words lead to it: `choose: {top: {n: 4}}` in the section `sample` is the function
`top` in `tasks/sample/choose/top.py`. A name with dots is a function of the user's own: `choose: {inputs.mine.closest: {n: 4}}`
is `closest` in `inputs/mine.py` (`hone.config.user_methods`). Its positional parameters are the tables it reads, handed over by name; its
keyword-only parameters are what a recipe may set, checked against their annotations before any work starts. A parameter
that is annotated as `Held` holds lines of a recipe itself (`fused: {of: [dense, bm25]}`), which are checked alike.
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
    """Marks a parameter whose values are lines of a recipe: `of: Annotated[list[Any], Held("retrieve")]`."""

    place: str  # where the methods lie that they name


@dataclass(frozen=True)
class Method:
    """One published way of doing a step."""

    place: str  # where methods of its kind lie: "sample.choose"
    name: str  # as recipes write it: "near-duplicate", or with dots: "inputs.mine.closest"
    function: Callable[..., Any]
    module: str  # where it was found, which is not where it is written if it was imported there

    def beside(self, name: str, default: Any = None) -> Any:
        """What the method's module says of it under `name`, beside the function; `default` where it says nothing."""
        return getattr(sys.modules[self.module], name, default)

    @property
    def parameters(self) -> type[BaseModel]:
        """What a recipe may set, with types, bounds and defaults."""
        return settable(self.name, self.function)

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


@cache
def settable(name: str, function: Callable[..., Any]) -> type[BaseModel]:
    """The keyword-only parameters of a method's function as a model called `name`."""
    given = {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in HANDED_OVER
    }
    # Only of what recipes may set: the tables' types need not be importable without torch.
    annotated = SimpleNamespace(__annotations__={name: parameter.annotation for name, parameter in given.items()})
    hints = get_type_hints(annotated, function.__globals__, include_extras=True)
    fields = {name: (hints[name], ... if parameter.default is parameter.empty else parameter.default) for name, parameter in given.items()}
    return create_model(name, __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields)


def find(place: str, name: str) -> Method:
    """The method that recipes call `name`.

    Args:
        place: stage and section, such as "retrieve" or "sample.filters".
        name: as written in the recipe; with dots it is a function of the user's own.

    Raises:
        Refused: there is none of that name; the message has the nearest one.
    """
    if user_methods.dotted(name):
        return refuse_uncallable(Method(place, name, user_methods.function(name), name.rpartition(".")[0]))
    if name not in names(place):
        folder = "/".join(("tasks", *place.split(".")))
        raise Refused(f"'{name}' is no method of {place}: {nearest(name, names(place))} (methods are the files in {folder}/)")
    stem = name.replace("-", "_")
    module = importlib.import_module(f"tasks.{place}.{stem}")
    return Method(place, name, getattr(module, stem), module.__name__)


def refuse_uncallable(method: Method) -> Method:
    """A method of the user's own, if a stage can call it.

    Raises:
        Refused: it asks for a table that the stage does not hand over, or has a parameter without a type that can be checked.
    """
    given = handed(method.place)
    for name, parameter in inspect.signature(method.function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise Refused(f"'{method.name}' takes *{name}: name each table and each parameter, so that they can be checked.")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise Refused(f"'{method.name}' takes `{name}` by its place: leave out the `/`, for tables are handed over by name.")
        if parameter.kind is not parameter.KEYWORD_ONLY and name not in given:
            raise Refused(
                f"'{method.name}' asks for `{name}`, which {method.place} does not hand over: it hands over "
                f"{', '.join(sorted(given))}. What a recipe sets stands after a `*`."
            )
        if parameter.kind is parameter.KEYWORD_ONLY and name not in HANDED_OVER and parameter.annotation is parameter.empty:
            raise Refused(f"'{method.name}' has no type for `{name}`: write `{name}: int` or `{name}: Annotated[int, Field(ge=1)]`.")
    try:
        _ = method.parameters
    except Exception as error:  # whatever stands in an annotation is the user's
        raise Refused(f"'{method.name}' has a type that cannot be checked: {type(error).__name__}: {error}".splitlines()[0]) from None
    return method


@cache
def handed(place: str) -> frozenset[str]:
    """The names of what a stage hands its methods: what the methods that come with Hone read there, and in `sample` the round's name."""
    read = (name for one in same_stage(place) for method in names(one) for name in _asks(path_of(one, method), method.replace("-", "_")))
    return frozenset(read) | ({"round"} if place in same_stage("sample.filters") else frozenset())


def same_stage(place: str) -> tuple[str, ...]:
    """The places whose methods are handed the same: the rules of `sample` are."""
    rules = ("sample.filters", "sample.choose")
    return rules if place in rules else (place,)


def path_of(place: str, name: str) -> Path:
    """The file of a method, which is not imported."""
    if user_methods.dotted(name):
        return user_methods.file_of(name.rpartition(".")[0])
    return TASKS.joinpath(*place.split("."), f"{name.replace('-', '_')}.py")


@cache
def names(place: str) -> tuple[str, ...]:
    """The methods of a place: the files that define a function of the file's own name, and whose docstring begins with the method's.

    A file without a docstring may be one too; a helper says in its first line what it gives, as every module does.
    """
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
        raise Refused(f"{where}: {name}: {parameters!r} should be its parameters, such as {{parameter: value}}", (str(name),))
    if isinstance(given, dict) and given:
        raise Refused(
            f"{where}: {' and '.join(map(str, given))} are {len(given)} names where one method is meant: indent its parameters further, "
            "or, in a list, give each method a '- ' of its own."
        )
    if isinstance(given, list):
        raise Refused(f"{where}: {given!r} is a list where one method is meant: write it without the brackets or the '- '.")
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
        raise Refused(f"{where}: {name}: {explained(error, model)}", (name, *error.errors()[0]["loc"])) from None
    except Refused as error:
        raise Refused(f"{where}: {error}", (name,)) from None
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
    tree = ast.parse(path_of(place, name).read_bytes())
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == constant for target in node.targets):
            return ast.literal_eval(node.value)
    return None


def _defines(file: Path, function: str) -> bool:
    said = ast.get_docstring(ast.parse(file.read_bytes()))
    return _function(file, function) is not None and (said is None or said.startswith(f"{function.replace('_', '-')}:"))


def _asks(file: Path, function: str) -> list[str]:
    arguments = _function(file, function).args
    later = [item.arg for item in arguments.kwonlyargs if item.arg in HANDED_OVER]
    return [item.arg for item in arguments.args] + later


def _function(file: Path, function: str) -> ast.FunctionDef | None:
    tree = ast.parse(file.read_bytes())
    return next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function), None)
