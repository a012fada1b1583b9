"""Names that recipes had before: a file that uses one is still read, as the recipe that took its place."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("recipes")
RENAMED = {"rlhn-local": "guide-confirmed"}


def current(name: str) -> str:
    """The name that a recipe has now. A recipe of the user's own under the old name stays what it is."""
    return RENAMED[name] if name in RENAMED and not (FOLDER / f"{name}.yaml").exists() else name


def note(name: str) -> str | None:
    """A sentence on a name that is no longer current; null for any other."""
    now = current(name)
    if now == name:
        return None
    return f"the recipe '{name}' is now called '{now}', and does it otherwise (`hone recipes {now}`): write the new name"
