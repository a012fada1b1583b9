"""What a recipe needs beside the project as it is shipped: a judge, a model, a file, metadata, chunks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hone.config import methods
from hone.config.params import Params
from hone.config.recipe_schema import Recipe

LISTS = ("retrieve", "score")


def needs(found: Recipe, given: Params) -> list[str]:
    """What is not there for a recipe, or must be there in the collection, in a few words each.

    Args:
        found: a checked recipe.
        given: params.yaml, which names the judges.
    """
    return list(
        dict.fromkeys([*judges_of(found, given), *(sentence for place, line in lines_of(found) for sentence in of_line(place, line))])
    )


def judges_of(found: Recipe, given: Params) -> Iterator[str]:
    """The judges that the cascade names, which are not optional and which params.yaml does not have."""
    for item in [] if found.relabel == "none" else found.relabel.cascade:
        names = item.judge if isinstance(item.judge, list) else [item.judge]
        known = [*given.judges, *methods.names("relabel.judges")]
        if not item.optional and all(isinstance(name, str) and name not in known for name in names):
            yield f"judge `{names[0]}` in params.yaml"


def lines_of(found: Recipe) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and line of every method whose parameters may name what lies beside the recipe, judges that it describes itself included."""
    for stage in LISTS:
        for line in getattr(found, stage):
            yield from methods.with_held(stage, line)
    if found.retrieve:
        yield from (("sample.filters", line) for line in found.sample.filters)
    for item in [] if found.relabel == "none" else found.relabel.cascade:
        if isinstance(item.judge, dict):
            yield "relabel.judges", methods.checked("relabel.judges", item.judge, "relabel.cascade")


def of_line(place: str, line: dict[str, Any]) -> Iterator[str]:
    """What one method needs: a model or a file below inputs/ that is not there; a metadata column; chunks."""
    parameters = line["parameters"]
    for name in ("model", "file"):
        if str(parameters.get(name) or "").startswith("inputs/") and not Path(parameters[name]).exists():
            yield f"{name} {parameters[name]}"
    if parameters.get("column"):
        yield f"metadata column `{parameters['column']}`"
    if (place, line["method"]) == ("retrieve", "chunks") or parameters.get("within") == "parent":
        yield "chunks with a `parent_id`"
