"""The requirements of a recipe beyond the project as shipped: a judge, a model, a file, metadata
or chunks.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hone.config import generate_recipe, methods
from hone.config.params import Params
from hone.config.recipe_schema import Recipe
from hone.config.sections.generate import GenerateRecipe
from tasks.resolve.generation import list_prompts

LISTS = ("retrieve", "score")


def needs(found: Recipe, given: Params) -> list[str]:
    """The missing judges, models and files of a recipe, and what its collection must have, in a few
    words each.

    Args:
        found: a checked recipe.
        given: params.yaml, with the names of judges.
    """
    return list(
        dict.fromkeys(
            [
                *judges_of(found, given),
                *(sentence for place, line in lines_of(found) for sentence in of_line(place, line)),
            ]
        )
    )


def needs_of_generation(found: GenerateRecipe, given: Params) -> list[str]:
    """The missing generator, judges and files of a recipe of generation, in a few words each.

    Args:
        found: a checked recipe.
        given: params.yaml, with the names of generators and judges.
    """
    lines = generate_recipe.lines_of(found)
    sentences = [sentence for place, line in lines for sentence in of_line(place, line)]
    names = [found.generator] if isinstance(found.generator, str) else found.generator
    if list_prompts(lines) and not any(name in given.generators for name in names):
        sentences.insert(0, f"generator `{names[-1]}` in params.yaml")
    for place, line in lines:
        if methods.find(place, line["method"]).beside("NEEDS_JUDGE"):
            judge = line["parameters"]["judge"]
            if isinstance(judge, str) and judge not in given.judges:
                sentences.append(f"judge `{judge}` in params.yaml")
    return list(dict.fromkeys(sentences))


def judges_of(found: Recipe, given: Params) -> Iterator[str]:
    """The required judges of the cascade that params.yaml does not define."""
    for item in [] if found.relabel == "none" else found.relabel.cascade:
        names = item.judge if isinstance(item.judge, list) else [item.judge]
        known = [*given.judges, *methods.names("relabel.judges")]
        if not item.optional and all(isinstance(name, str) and name not in known for name in names):
            yield f"judge `{names[0]}` in params.yaml"


def lines_of(found: Recipe) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and line of every method whose parameters may name a requirement, including judges
    that the recipe defines.
    """
    for stage in LISTS:
        for line in getattr(found, stage):
            yield from methods.with_inner_lines(stage, line)
    if found.retrieve:
        yield from (("sample.filters", line) for line in found.sample.filters)
    for item in [] if found.relabel == "none" else found.relabel.cascade:
        if isinstance(item.judge, dict):
            yield "relabel.judges", methods.checked("relabel.judges", item.judge, "relabel.cascade")


def of_line(place: str, line: dict[str, Any]) -> Iterator[str]:
    """The requirements of one method: a missing model or file below inputs/; a metadata column;
    chunks.
    """
    parameters = line["parameters"]
    for name in ("model", "file"):
        if (
            str(parameters.get(name) or "").startswith("inputs/")
            and not Path(parameters[name]).exists()
        ):
            yield f"{name} {parameters[name]}"
    if parameters.get("column"):
        yield f"metadata column `{parameters['column']}`"
    if (place, line["method"]) == ("retrieve", "chunks") or parameters.get("within") == "parent":
        yield "chunks with a `parent_id`"
