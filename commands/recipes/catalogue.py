"""The list of recipes, one line each: controls, then published methods, then Hone's own, then
recipes of generation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from commands.recipes.needs import needs, needs_of_generation
from commands.study.design import CONTROLS
from hone.config import generate_recipe, params, recipe
from hone.config.params import Collection, Params
from hone.config.recipe_schema import Recipe
from hone.config.sections.generate import GenerateRecipe
from hone.errors import Refused

GROUPS = {
    "controls": "Controls: rounds without a hard-negative method",
    "published": "Published methods",
    "own": "Methods without a paper",
    "generation": "Recipes of generation: queries for documents (recipes/generate/)",
    "wrong": "Cannot be read",
}
ARXIV = re.compile(r"arXiv (\d\d)(\d\d)\.\d{4,5}")
YEAR = re.compile(r"\b(?:19|20)\d\d\b")
NAME = re.compile(r"[^(,;:]+")
NARROW = 80  # narrower terminals do not show paper and year


@dataclass(frozen=True)
class Row:
    """A recipe in the list. If it cannot be read, `found` is null and `wrong` is the reason.
    `rounds` are the rounds that use it, or the collections that use a recipe of generation.
    """

    name: str
    rounds: list[str]
    found: Recipe | GenerateRecipe | None
    wrong: str = ""
    needs: tuple[str, ...] = ()  # requirements beyond the project as shipped

    @property
    def paper(self) -> str | None:
        return self.found.paper if self.found else None

    @property
    def about(self) -> str:
        return self.found.about if self.found else self.wrong

    @property
    def group(self) -> str:
        if self.found is None:
            return "wrong"
        if isinstance(self.found, GenerateRecipe):
            return "generation"
        if self.name in CONTROLS:
            return "controls"
        return "published" if is_published(self.found.paper) else "own"


def rows(given: Params | None = None) -> list[Row]:
    """Every recipe with the rounds or collections of params.yaml that use it: controls in the order
    of a study, then the other groups, by name.
    """
    found = [row(name, given) for name in recipe.names()]
    found += [generation_row(name, given) for name in generate_recipe.names()]
    return sorted(
        found,
        key=lambda one: (
            list(GROUPS).index(one.group),
            CONTROLS.index(one.name) if one.name in CONTROLS else 0,
            one.name,
        ),
    )


def row(name: str, given: Params | None) -> Row:
    used = [round for round, item in given.rounds.items() if item.recipe == name] if given else []
    try:
        found = recipe.read(name)
        return Row(name, used, found, needs=tuple(needs(found, given)) if given else ())
    except Refused as refusal:
        return Row(name, used, None, str(refusal).replace("\n", "; "))


def generation_row(name: str, given: Params | None) -> Row:
    """A recipe of generation."""
    collections = given.collections if given else {}
    used = users_of(name, collections)
    try:
        found = generate_recipe.check(generate_recipe.FOLDER / f"{name}.yaml")
    except Refused as refusal:
        return Row(name, used, None, str(refusal).replace("\n", "; "))
    return Row(name, used, found, needs=tuple(needs_of_generation(found, given)) if given else ())


def users_of(name: str, collections: Mapping[str, Collection]) -> list[str]:
    """The collections that use a recipe of generation, with or without changes."""
    return [
        one
        for one, item in collections.items()
        if item.generation is not None and item.generation.recipe == name
    ]


def is_published(paper: str | None) -> bool:
    """Whether a recipe cites a published paper."""
    return bool(paper) and not paper.startswith("ours")


def year(paper: str | None) -> str:
    """The year of a recipe's paper, from its arXiv number or its text; empty if unknown."""
    if found := ARXIV.search(paper or ""):
        return f"20{found[1]}"
    return found[0] if (found := YEAR.search(paper or "")) else ""


def title(paper: str | None) -> str:
    """The title of a paper, without its number and notes."""
    return NAME.match(paper)[0].strip() if is_published(paper) else ""


def show() -> None:
    """Print the list."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=400)  # a file or a pipe has no width
    found = rows(params.read())
    cells = [
        (
            f"  {one.name}",
            ", ".join(one.rounds),
            *((year(one.paper), title(one.paper)) if console.width >= NARROW else ()),
            f"[needs {', '.join(one.needs)}] {one.about}" if one.needs else one.about,
        )
        for one in found
    ]
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in cells), strict=True)]
    for place, (one, row) in enumerate(zip(found, cells, strict=True)):
        if place == 0 or one.group != found[place - 1].group:
            console.print(Text(GROUPS[one.group], style="bold"))
        columns = [cell.ljust(width) for cell, width in zip(row, widths, strict=False) if width]
        console.print(Text("  ".join([*columns, row[-1]])), overflow="ellipsis", no_wrap=True)
