"""docs/recipes.md: every recipe beside its paper, and what a recipe may say that is no method."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from commands.docs.methods_pages import MADE, parameters
from commands.recipes import catalogue
from commands.recipes.catalogue import GROUPS, Row
from hone.config import docstrings
from hone.config.recipe_schema import Recipe
from hone.config.sections.common import Section
from hone.config.sections.relabel import Budget, Judged, Relabel
from hone.config.sections.sample import Sample, Window
from hone.config.sections.train import Train
from hone.present.markdown import escape_cell, finish_sentence, format_table, join_blocks

FILE = Path("docs/recipes.md")
SECTIONS: dict[str, type[Section]] = {
    "The whole": Recipe, "sample": Sample, "sample.window": Window, "relabel": Relabel, "relabel.cascade, each line": Judged,
    "relabel.budget": Budget, "train": Train,
}  # fmt: skip


# What holds of every recipe unless it says otherwise, so that no `differs` repeats it.
INHERITED = (
    "What every recipe inherits, unless it says otherwise, and no last column repeats: the loss is InfoNCE on cosines at a temperature\n"
    "of 0.05, the other documents of the batch are negatives too, batches have 64 queries, AdamW trains for one epoch, and a query takes\n"
    "one of its positives in each epoch. Negatives are mined once a round, and a cross-encoder of the loop learns from the labels of the\n"
    "round before, not from those that its own round relabels."
)


def page() -> str:
    """The page."""
    rows = catalogue.rows()
    columns = ("recipe", "what it does", "paper", "fidelity", "differs by, or lacks")
    groups = [
        join_blocks(f"## {GROUPS[group]}", format_table(columns, map(row, members)))
        for group, members in groupby(rows, key=lambda one: one.group)
    ]
    return join_blocks(
        MADE,
        "# Recipes",
        "A recipe says what one round does. `hone recipes NAME` tells it in order, with every parameter. *faithful*: the method of\n"
        "the paper or of its authors' code with its constants; only the model (and so the scale of scores), the data and the length of\n"
        "training are others. *adapted*: something is done otherwise, and the last column says what and why. *partial*: something of the\n"
        "paper is missing. How the rounds of params.yaml were chosen: [default-rounds.md](default-rounds.md).",
        INHERITED,
        *groups,
        "## What a recipe may say",
        "Sections are stages; a section that is missing is `none`. Where a method stands, it is its name, or\n"
        "`{name: {parameter: value}}`: [methods/](methods/README.md) has them all.\n"
        "A round of params.yaml may change any section of its recipe.",
        *(join_blocks(f"### {name}", parameters(settings_of(model))) for name, model in SECTIONS.items()),
    )


def row(one: Row) -> tuple[str, ...]:
    """A recipe in its table."""
    found = one.found
    if found is None:
        return f"`{one.name}`", escape_cell(one.wrong), "", "", ""
    return (
        f"[{one.name}](../recipes/{one.name}.yaml)", escape_cell(finish_sentence(found.about)), escape_cell(found.paper or ""),
        found.fidelity or "", escape_cell(finish_sentence(found.differs or "")),
    )  # fmt: skip


def settings_of(model: type[Section]) -> list[docstrings.Setting]:
    """What a section may say that is described there; sections inside it have tables of their own."""
    entries = docstrings.taken_apart(model.__doc__).entries
    return [one for one in docstrings.settings(model, entries) if one.means]
