"""docs/methods/: a page for each place of methods, made of their docstrings and of what their parameters allow."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path

from commands.recipes.text import plain
from hone.config import docstrings, methods
from hone.config.docstrings import Setting
from hone.config.methods import Method
from hone.present.markdown import escape_cell, escape_paragraphs, escape_prose, finish_sentence, format_table, join_blocks

FOLDER = Path("docs/methods")
MADE = "<!-- Made by `python -m commands.docs` from the docstrings: edit those. -->"


@dataclass(frozen=True)
class Place:
    """A place of methods: its page, its title, and how the user's files name a method of it."""

    page: str
    title: str
    written: str


PLACES = {
    "collect": Place("collections", "Kinds of collections", "`collections: {NAME: {source: METHOD, options: {...}}}` in params.yaml"),
    "retrieve": Place("sources", "Sources of candidates", "a line of a recipe's `retrieve`"),
    "score": Place("scorers", "Scorers", "a line of a recipe's `score`"),
    "sample.filters": Place("filters", "Filters: rules that remove candidates", "a line of a recipe's `sample.filters`"),
    "sample.choose": Place("choose", "Rules that choose negatives", "a recipe's `sample.choose`"),
    "relabel.judges": Place("judges", "Judges", "`judges: {NAME: {METHOD: {...}}}` in params.yaml, or `judge` of a recipe's cascade"),
    "relabel.escalate": Place("escalate", "Rules that escalate pairs to the next judge", "`escalate` of a recipe's cascade"),
    "train.losses": Place("losses", "Losses", "a line of a recipe's `train.losses`"),
    "train.batch": Place("batches", "Rules that put queries into batches", "a recipe's `train.batch`"),
    "report.strata": Place("strata", "Kinds of queries", "`hone compare --by METHOD`; the report shows all of them"),
    "evaluate.abilities": Place("abilities", "Abilities", "`ability` of a collection in params.yaml"),
}


def pages() -> dict[Path, str]:
    """Every page below docs/methods/, by its path."""
    return {FOLDER / "README.md": index()} | {FOLDER / f"{PLACES[place].page}.md": page(place) for place in PLACES}


def index() -> str:
    """The page that leads to the others."""
    rows = [
        (f"[{of.title}]({of.page}.md)", of.written.replace("|", "\\|"), ", ".join(f"`{one.name}`" for one in found(place)))
        for place, of in PLACES.items()
    ]
    return join_blocks(
        MADE,
        "# Methods",
        "What a recipe, or params.yaml, may name, and its parameters. A method's page has its formula, and of each parameter the default,\n"
        "the bounds and the source of the default: the paper, the authors' code, a survey (any secondary source), a Hone default (chosen\n"
        "here), or unverified (attributed to the paper, and checked in no source).",
        format_table(("methods", "named by", "there are"), rows),
        "A method of your own: [own-method.md](../own-method.md). Recipes that use these: [recipes.md](../recipes.md).",
    )


def found(place: str) -> list[Method]:
    """The methods of a place."""
    return [methods.find(place, name) for name in methods.names(place)]


def page(place: str) -> str:
    """The page of one place."""
    of, there = PLACES[place], found(place)
    handed = [(f"`{name}`", escape_cell(means)) for name, means in handed_over(place).items()]
    return join_blocks(
        MADE,
        f"# {of.title}",
        f"Named by {of.written}. Each is a file in `tasks/{place.replace('.', '/')}/`.\n"
        "[One of your own](../own-method.md) is named by its path.",
        *(entry(method) for method in there),
        "## What they are handed",
        "Tables and values that the stage hands over by name; a method takes those that it names before its `*`.",
        format_table(("name", "what it is"), handed),
    )


def handed_over(place: str) -> dict[str, str]:
    """The names that a place's methods are handed, each as the method says it that says most."""
    entries = [docstrings.of_function(method).entries for one in methods.same_stage(place) for method in found(one)]
    return {name: max((of.get(name, "") for of in entries), key=len) for name in sorted(methods.handed(place))}


def entry(method: Method) -> str:
    """What a method is, does, takes and gives."""
    of_module, of_function = docstrings.of_module(method), docstrings.of_function(method)
    file = Path(inspect.getfile(method.function)).relative_to(methods.TASKS.parent)
    return join_blocks(
        f"## {method.name}",
        finish_sentence(escape_prose(docstrings.summary(method))),
        escape_paragraphs(of_module.text),
        f"**It gives** {escape_prose(of_function.summary)}" if of_function.summary else "",
        escape_paragraphs(of_function.text),
        parameters(docstrings.of_method(method)),
        f"Reads {', '.join(f'`{name}`' for name in method.reads) or 'nothing'}; in [{file}](../../{file}).",
    )


def parameters(settings: list[Setting]) -> str:
    """A table of what may be set."""
    rows = [
        (
            f"`{one.name}`", "must be given" if one.default is ... else f"`{written(one.default)}`", one.source, escape_cell(one.allowed),
            escape_cell(one.means),
        )
        for one in settings
    ]  # fmt: skip
    return format_table(("parameter", "default", "source", "allowed", "what it is"), rows)


def written(default: object) -> str:
    """A default as YAML has it, on one line."""
    from pydantic import BaseModel

    return plain(default.model_dump(mode="json") if isinstance(default, BaseModel) else default)
