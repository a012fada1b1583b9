"""A recipe of generation: a YAML file in recipes/generate/, read and completed with defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hone.config import params, recipe_names
from hone.config.params import Generation, faults
from hone.config.sections.generate import GenerateRecipe
from hone.config.source_lines import Layer, Places, loaded
from hone.errors import Refused, nearest
from hone.urls import refuse_secrets

FOLDER = recipe_names.FOLDER / "generate"
METHODS, DOCUMENTS, FILTERS = "generate", "generate.documents", "generate.filters"


def names() -> list[str]:
    """The names of all recipes of generation."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def read(chosen: Generation, collection: str) -> GenerateRecipe:
    """A recipe with every line replaced by `{"method", "parameters"}`, all checked.

    Args:
        chosen: its name, and the settings that override it.
        collection: the collection of params.yaml that names it.

    Raises:
        Refused: the recipe does not exist, or has an invalid value.
    """
    name = chosen.recipe
    if name not in names():  # a name such as ../mine would leave the folder that DVC tracks
        raise Refused(
            f"params.yaml: collections.{collection}.generate names '{name}', which does not exist; "
            f"{nearest(name, names())} (recipes of generation are the files in {FOLDER}/)"
        )
    return check(FOLDER / f"{name}.yaml", chosen.changes, collection)


def check(
    file: Path, changes: dict[str, Any] | None = None, collection: str | None = None
) -> GenerateRecipe:
    """The recipe in a file. All errors are reported at once, one on each line, with file and
    line.

    Args:
        file: in recipes/generate/.
        changes: settings of params.yaml that override those of the file.
        collection: the collection with these settings.
    """
    given, root = loaded(file)
    if not isinstance(given, dict):
        raise Refused(
            f"{file} is not a mapping of settings. A recipe needs at least `about` and `methods`."
        )
    layers = [Layer(file, root)]
    if changes and collection and params.FILE.is_file():
        _, theirs = loaded(params.FILE)
        layers.insert(0, Layer(params.FILE, theirs, ("collections", collection, "generate")))
    places = Places(layers)
    given = given | (changes or {})
    refuse_secrets(given, str(file))
    try:
        recipe = GenerateRecipe(**given)
    except ValidationError as error:
        for path, sentence in faults(error, GenerateRecipe):
            places.wrong(path, sentence)
        places.refuse()
        raise  # refuse() has raised: there is at least one fault
    filled = recipe.model_copy(
        update={
            "documents": places.checked(DOCUMENTS, recipe.documents, "documents"),
            "methods": [
                places.checked(METHODS, line, "methods", row)
                for row, line in enumerate(recipe.methods)
            ],
            "filters": [
                places.checked(FILTERS, line, "filters", row)
                for row, line in enumerate(recipe.filters)
            ],
        }
    )
    known = constants(filled)
    for path in filled.constants:
        if path not in known:
            places.wrong(
                ("constants", path),
                f"constants names '{path}', which is not in the recipe; {nearest(path, known)}",
            )
    places.refuse()
    return filled


def lines_of(recipe: GenerateRecipe) -> list[tuple[str, dict[str, Any]]]:
    """Every line of a checked recipe, with the place of its method."""
    return [
        (DOCUMENTS, recipe.documents),
        *((METHODS, line) for line in recipe.methods),
        *((FILTERS, line) for line in recipe.filters),
    ]


def constants(recipe: GenerateRecipe) -> dict[str, Any]:
    """Every setting of a checked recipe by its path, such as `methods.ict.keep`. Lines of one
    method share their paths.
    """
    found: dict[str, Any] = {name: getattr(recipe, name) for name in ("shortest", "dev")}
    for section, lines in (
        ("documents", [recipe.documents]),
        ("methods", recipe.methods),
        ("filters", recipe.filters),
    ):
        for line in lines:
            found |= {
                f"{section}.{line['method']}.{name}": value
                for name, value in line["parameters"].items()
            }
    return found
