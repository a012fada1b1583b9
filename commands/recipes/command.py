"""`hone recipes`: list them, tell what one does, check what is written."""

from __future__ import annotations

from commands.console import line
from commands.recipes import catalogue, text, validate
from hone.config import recipe
from hone.errors import Refused

WORDS = ("show", "check")  # which no recipe may be called by: the command reads them


def recipes(words: list[str], check: bool, as_yaml: bool) -> bool:
    """What `hone recipes WORDS` does. False where a recipe that was checked is wrong.

    Args:
        words: nothing, a recipe's name, or a file; `show NAME` and `check FILE` say the same in words.
        check: look for mistakes instead of showing.
        as_yaml: show a recipe as a file that leaves nothing to defaults.

    Raises:
        Refused: there is no such recipe, or the words cannot be meant.
    """
    word, *rest = words or [""]
    if word in WORDS:
        check, words = check or word == "check", rest
        if word == "show" and not rest:
            raise Refused(f"`hone recipes show` needs a name: {', '.join(recipe.names())}.")
    if len(words) > 1:
        raise Refused(f"one recipe at a time: {' '.join(words)} are {len(words)}.")
    if check:
        return validate.check(words[0] if words else None)
    if words:
        text.show(words[0], as_yaml)
    else:
        if as_yaml:
            raise Refused("`--yaml` needs the name of a recipe: `hone recipes NAME --yaml`.")
        catalogue.show()
        line("`hone recipes NAME` tells what one does; a file in recipes/ is all it takes to add one, `hone recipes --check` looks at it.")
    return True
