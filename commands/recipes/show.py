"""`hone recipes show`: a recipe of a round, or of generation, as text or as YAML."""

from __future__ import annotations

from commands.console import line
from commands.recipes.generation_text import PLACES, describe_generation
from commands.recipes.text import HEADING, describe_recipe, format_yaml, width
from hone.config import generate_recipe, params, recipe, recipe_names
from hone.errors import Refused, nearest

GENERATE = "generate/"  # before the name of a recipe of generation


def show(name: str, as_yaml: bool = False) -> None:
    """Print the description of a recipe, or the recipe as YAML with every default.

    Args:
        name: of a file in recipes/ or in recipes/generate/. `generate/NAME` means the latter.
        as_yaml: print YAML.

    Raises:
        Refused: the recipe does not exist or cannot be read.
    """
    given = params.read()
    if sentence := recipe_names.note(name):
        line(sentence)
        name = recipe_names.current(name)
    bare = name.removeprefix(GENERATE)
    generates = bare in generate_recipe.names()
    if name in recipe.names():
        text = format_yaml(recipe.read(name)) if as_yaml else None
        lines = describe_recipe(name, given, width())
    elif generates:
        text = (
            format_yaml(generate_recipe.check(generate_recipe.FOLDER / f"{bare}.yaml"))
            if as_yaml
            else None
        )
        lines = describe_generation(bare, given, width())
    else:
        known = [*recipe.names(), *generate_recipe.names()]
        raise Refused(
            f"Recipe '{name}' does not exist in {recipe.FOLDER}/ or {generate_recipe.FOLDER}/: "
            f"{nearest(bare, known)}"
        )
    if text is not None:
        line(text.rstrip())
        return
    for one in lines:
        line(one, "bold" if is_heading(one) else "")
    if generates and name in recipe.names():
        line(
            f"{generate_recipe.FOLDER}/ has a recipe '{name}' too: `hone recipes show "
            f"{GENERATE}{name}`."
        )


def is_heading(text: str) -> bool:
    """Whether a line names a stage, or a part of a recipe of generation."""
    return bool(HEADING.fullmatch(text)) or text.partition(":")[0] in (*PLACES, "generator")
