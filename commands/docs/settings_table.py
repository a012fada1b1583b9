"""Tables of the settings of a pydantic model, from its types and its docstring."""

from __future__ import annotations

from dataclasses import replace

from pydantic import BaseModel

from hone.config import docstrings
from hone.config.docstrings import Setting
from hone.present.markdown import escape_cell, format_table

Sections = dict[str, type[BaseModel]]


def settings_of(model: type[BaseModel]) -> list[Setting]:
    """The settings of a model, with the names that the user's files have for them."""
    entries = docstrings.taken_apart(model.__doc__).entries
    return name_as_in_files(model, docstrings.settings(model, entries))


def name_as_in_files(model: type[BaseModel], settings: list[Setting]) -> list[Setting]:
    """The same settings, those with an alias under it: `from` instead of `start`."""
    aliases = {name: field.alias or name for name, field in model.model_fields.items()}
    return [replace(one, name=aliases[one.name]) for one in settings]


def format_settings(model: type[BaseModel], with_source: bool = False) -> str:
    """The table of a model's settings.

    Args:
        model: the model.
        with_source: whether the table has a column with the sources of the defaults.
    """
    return format_rows(settings_of(model), with_source)


def format_rows(settings: list[Setting], with_source: bool = True) -> str:
    """The table of these settings."""
    source = ("source",) if with_source else ()
    rows = [
        (
            f"`{one.name}`",
            format_default(one.default),
            *([one.source] if with_source else []),
            escape_cell(one.allowed),
            escape_cell(one.means),
        )
        for one in settings
    ]
    return format_table(("setting", "default", *source, "allowed", "description"), rows)


def format_default(default: object) -> str:
    """A default in YAML, on one line."""
    from commands.recipes.text import format_value

    if default is ...:
        return "required"
    value = default.model_dump(mode="json") if isinstance(default, BaseModel) else default
    return f"`{format_value(value)}`"
