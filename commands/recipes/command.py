"""`hone recipes`: list the recipes, describe one, or check recipe files."""

from __future__ import annotations

from commands.console import line
from commands.recipes import catalogue, text, validate
from hone.config import recipe
from hone.errors import Refused

WORDS = ("show", "check")  # subcommands, so not allowed as recipe names


def recipes(words: list[str], check: bool, as_yaml: bool) -> bool:
    """Run `hone recipes WORDS`. Returns False if a checked recipe has an error.

    Args:
        words: nothing, a recipe's name, or a file; also `show NAME` and `check FILE`.
        check: check instead of describing.
        as_yaml: print the recipe as YAML with every default.

    Raises:
        Refused: the recipe does not exist, or the words are not valid.
    """
    word, *rest = words or [""]
    if word in WORDS:
        check, words = check or word == "check", rest
        if word == "show" and not rest:
            raise Refused(
                f"`hone recipes show` needs the name of a recipe: {', '.join(recipe.names())}."
            )
    if len(words) > 1:
        raise Refused(f"Name only one recipe, not {len(words)} ({' '.join(words)}).")
    if check:
        return validate.check(words[0] if words else None)
    if words:
        text.show(words[0], as_yaml)
    else:
        if as_yaml:
            raise Refused("`--yaml` needs the name of a recipe: `hone recipes NAME --yaml`.")
        catalogue.show()
        line(
            "`hone recipes NAME` describes a recipe. To add one, add a file to recipes/ and run "
            "`hone recipes --check`."
        )
    return True
