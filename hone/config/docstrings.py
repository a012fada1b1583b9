"""Parses Google-style docstrings, and describes valid values in words, for `hone recipes show`
and the pages of docs/.

The docstring is the only documentation: no table elsewhere repeats the meaning of a parameter.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Any, get_args

from docstring_parser import DocstringStyle, parse
from pydantic import BaseModel

from hone.config.methods import Method
from hone.config.sections.common import Source

MATHS = {
    "minimum": "from {}",
    "exclusiveMinimum": "above {}",
    "maximum": "to {}",
    "exclusiveMaximum": "below {}",
}
# Sources of defaults and constants of recipes: the last words of a docstring entry, in brackets.
SOURCES = get_args(Source)
OWN = "Hone default"
SOURCE = re.compile(rf"\s*\[({'|'.join(SOURCES)})\]$")
TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "null": "null",
}


@dataclass(frozen=True)
class Docstring:
    """A parsed docstring.

    Attributes:
        summary: its first paragraph, on one line.
        text: the text before the first section, unchanged.
        entries: the entries of `Args` or `Attributes` by name, each on one line.
        returns: the section `Returns`, on one line. Empty if there is none.
    """

    summary: str = ""
    text: str = ""
    entries: dict[str, str] = field(default_factory=dict)
    returns: str = ""


@dataclass(frozen=True)
class Setting:
    """One setting of a recipe.

    Attributes:
        name: its name in recipes.
        default: the value if a recipe does not set it. `...` if it is required.
        allowed: the valid values, in words.
        means: its description in the docstring.
        source: the source of its default, one of SOURCES. Empty if the docstring names none.
    """

    name: str
    default: Any
    allowed: str
    means: str
    source: str = ""


def taken_apart(docstring: str | None) -> Docstring:
    """The parts of a docstring in Google's style. An entry may describe several names:
    `one, other: text`.
    """
    parsed = parse(docstring or "", DocstringStyle.GOOGLE)
    summary, _, text = (parsed.description or "").partition("\n\n")
    entries = {
        name: on_one_line(entry.description or "")
        for entry in parsed.params
        for name in entry.arg_name.split(", ")
    }
    returns = (
        [part for part in (parsed.returns.type_name, parsed.returns.description) if part]
        if parsed.returns
        else []
    )
    return Docstring(on_one_line(summary), text.strip(), entries, on_one_line(": ".join(returns)))


def on_one_line(text: str) -> str:
    return " ".join(text.split())


def of_module(method: Method) -> Docstring:
    """The docstring of a method's module: for Hone's own methods, a one-line description and the
    publication.
    """
    return taken_apart(sys.modules[method.module].__doc__)


def of_function(method: Method) -> Docstring:
    """The docstring of a method's function: the formula, its parameters, its result."""
    return taken_apart(method.function.__doc__)


def summary(method: Method) -> str:
    """A one-line description of a method: from its module if that begins with the method's name,
    otherwise from its function.
    """
    of_own, first = f"{method.name}: ", of_module(method).summary
    return first.removeprefix(of_own) if first.startswith(of_own) else of_function(method).summary


def settings(model: type[BaseModel], entries: dict[str, str]) -> list[Setting]:
    """The settings of a model, in its own order.

    Args:
        model: a pydantic model: a method's parameters, or a section of a recipe.
        entries: descriptions by name.
    """
    schema = model.model_json_schema(by_alias=True)
    return [
        Setting(
            name,
            ... if found.is_required() else found.get_default(call_default_factory=True),
            allowed(schema["properties"][found.alias or name], schema.get("$defs", {})),
            *with_source(entries.get(name, "")),
        )
        for name, found in model.model_fields.items()
    ]


def with_source(entry: str) -> tuple[str, str]:
    """An entry of a docstring and the source tag at its end. The tag is empty if there is none."""
    found = SOURCE.search(entry)
    return (entry[: found.start()], found[1]) if found else (entry, "")


def of_method(method: Method) -> list[Setting]:
    """The settings of a method that a recipe may set."""
    return settings(method.parameters, of_function(method).entries)


def allowed(schema: dict[str, Any], inner: dict[str, Any]) -> str:
    """The valid values of a JSON schema in words: "a whole number from 1, or null".

    Args:
        schema: schema of one setting.
        inner: referenced schemas by name.
    """
    if "anyOf" in schema:
        return ", or ".join(dict.fromkeys(allowed(one, inner) for one in schema["anyOf"]))
    if "$ref" in schema:
        return allowed(inner[schema["$ref"].rpartition("/")[2]], inner)
    if "enum" in schema or "const" in schema:
        *most, last = (str(value) for value in schema.get("enum", [schema.get("const")]))
        return f"{', '.join(most)} or {last}" if most else last
    if schema.get("type") == "array":
        least = f" of at least {schema['minItems']}" if "minItems" in schema else ""
        return f"a list{least}" + (
            f": {allowed(schema['items'], inner)}" if schema.get("items") else ""
        )
    if schema.get("type") == "object":
        return "settings by name"
    bounds = " ".join(
        words.format(f"{schema[name]:g}") for name, words in MATHS.items() if name in schema
    )
    pattern = f" like {schema['pattern']}" if "pattern" in schema else ""
    return f"{TYPES.get(schema.get('type'), 'a method')}{pattern}{f' {bounds}' if bounds else ''}"
