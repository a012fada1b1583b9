"""Renamed recipes: a file with an old name is still read, as the recipe that replaced it."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("recipes")
RENAMED = {"rlhn-local": "guide-confirmed"}


def current(name: str) -> str:
    """The current name of a recipe. A user's recipe with the old name stays as it is."""
    return RENAMED[name] if name in RENAMED and not (FOLDER / f"{name}.yaml").exists() else name


def note(name: str) -> str | None:
    """A note on an outdated name. Null for any other name."""
    now = current(name)
    if now == name:
        return None
    return (
        f"the recipe '{name}' is now called '{now}' and works differently (see `hone recipes "
        f"{now}`). Write the new name"
    )
