"""`hone recipes`: list them, check them, show one with every default filled in."""

from __future__ import annotations

from pathlib import Path

from hone.screen import line, table
from tasks import params
from tasks.errors import Refused
from tasks.resolve import recipe


def show_all() -> None:
    """A row for each recipe: what it does, where it comes from, and the rounds of params.yaml that use it."""
    used: dict[str, list[str]] = {}
    for name, item in params.read().rounds.items():
        used.setdefault(item.recipe, []).append(name)
    rows = []
    for name in recipe.names():
        try:
            found = recipe.read(name)
            rows.append((name, ", ".join(used.get(name, [])), found.about, found.paper))
        except Refused as refusal:
            rows.append((name, ", ".join(used.get(name, [])), f"cannot be read: {refusal}", None))
    table(("recipe", "rounds", "what it does", "source"), rows)
    line("`hone recipes show NAME` has every default; a file in recipes/ is all it takes to add one.")


def check(file: Path | None) -> bool:
    """Read recipes; a sentence for each that cannot be meant. True when all can."""
    if file is not None and not file.is_file():
        raise Refused(f"{file} does not exist. Recipes are {', '.join(f'{recipe.FOLDER}/{name}.yaml' for name in recipe.names())}.")
    files = [file] if file else [recipe.FOLDER / f"{name}.yaml" for name in recipe.names()]
    good = True
    for one in files:
        try:
            recipe.check(one)
            line(f"ok    {one}")
        except Refused as refusal:
            good = False
            line(f"wrong {refusal}")
    if file is None and good:
        given = params.read()
        for name, item in given.rounds.items():
            recipe.read(item.recipe, given.train, item.changes)
            line(f"ok    round {name}: {item.recipe}{' with changes' if item.changes else ''}")
    return good


def show(name: str) -> None:
    """Print a recipe as a round would use it, with nothing left to defaults."""
    import yaml

    found = recipe.read(name)
    line(yaml.safe_dump(found.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=140))
