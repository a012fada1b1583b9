"""docs/reference/recipes.md: every recipe with its paper, and the settings of a recipe."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from commands.docs.methods_pages import MADE
from commands.docs.settings_table import format_settings
from commands.recipes import catalogue
from commands.recipes.catalogue import GROUPS, Row
from hone.config import generate_recipe, recipe
from hone.config.recipe_schema import Recipe
from hone.config.sections.common import Section
from hone.config.sections.generate import GenerateRecipe, WritingBudget
from hone.config.sections.rank import Rank, Ranks
from hone.config.sections.relabel import Band, Budget, Judged, Relabel
from hone.config.sections.sample import Sample, Window
from hone.config.sections.train import Train
from hone.present.markdown import escape_cell, finish_sentence, format_table, join_blocks

FILE = Path("docs/reference/recipes.md")
SECTIONS: dict[str, type[Section]] = {
    "Top level": Recipe,
    "rank": Rank,
    "rank.window": Ranks,
    "sample": Sample,
    "sample.window": Window,
    "relabel": Relabel,
    "relabel.cascade, each line": Judged,
    "relabel.action, each band": Band,
    "relabel.budget": Budget,
    "train": Train,
}

GENERATION_SECTIONS: dict[str, type[Section]] = {
    "Top level of a recipe of generation": GenerateRecipe,
    "budget of a recipe of generation": WritingBudget,
}


# Defaults of every recipe, so that `differs` does not repeat them.
INHERITED = (
    "Every recipe has these defaults, which the last column does not repeat. The loss is InfoNCE "
    "on cosine similarities at a temperature\n"
    "of 0.05, with in-batch negatives. Batches have 64 queries. AdamW trains for one epoch, with "
    "one positive per query and epoch.\n"
    "Negatives are mined once per round. An in-loop cross-encoder is trained on the labels of the "
    "previous round, before relabelling."
)


def page() -> str:
    """The page."""
    rows = catalogue.rows()
    columns = ("recipe", "description", "paper", "fidelity", "differences")
    groups = [
        join_blocks(f"## {GROUPS[group]}", format_table(columns, map(row, members)))
        for group, members in groupby(rows, key=lambda one: one.group)
    ]
    return join_blocks(
        MADE,
        "# Recipes",
        "A recipe defines the stages of one round. `hone recipes show NAME` describes a recipe "
        "with every parameter. *faithful*: the recipe\n"
        "uses the method and constants of the paper or its authors' code. Only the model, the "
        "scale of scores, the data and the training\n"
        "length differ. *adapted*: a part differs, and the last column lists the differences. "
        "*partial*: a part of the paper is missing.\n"
        "[default-rounds.md](../explanation/default-rounds.md) explains how the rounds of "
        "params.yaml were chosen.",
        INHERITED,
        *groups,
        "## Settings of a recipe",
        "Each section belongs to a stage. A missing section means `none`. A method is written as "
        "its name, or as\n"
        "`{name: {parameter: value}}`. [methods/](methods/README.md) lists all methods.\n"
        "Nested sections have their own tables.\n"
        "A round of params.yaml can override any section of its recipe.",
        *(
            join_blocks(f"### {name}", format_settings(model, with_source=True))
            for name, model in SECTIONS.items()
        ),
        "## Settings of a recipe of generation",
        "A file in recipes/generate/ defines the queries that are written for documents. "
        "`generate: NAME` of a collection in\n"
        "params.yaml uses it. [Generate queries](../how-to/generate.md) shows how.",
        *(
            join_blocks(f"### {name}", format_settings(model, with_source=True))
            for name, model in GENERATION_SECTIONS.items()
        ),
    )


def file_of(one: Row) -> str:
    """The path of a recipe's file."""
    folder = generate_recipe.FOLDER if one.group == "generation" else recipe.FOLDER
    return f"{folder.as_posix()}/{one.name}.yaml"


def row(one: Row) -> tuple[str, ...]:
    """The table row of a recipe."""
    found = one.found
    if found is None:
        return f"`{one.name}`", escape_cell(one.wrong), "", "", ""
    return (
        f"[{one.name}](../../{file_of(one)})",
        escape_cell(finish_sentence(found.about)),
        escape_cell(found.paper or ""),
        found.fidelity or "",
        escape_cell(finish_sentence(found.differs or "")),
    )
