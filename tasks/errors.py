"""Refusals: sentences that tell the user what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Refused(Exception):
    """Something in the user's hands is wrong. The message is the whole explanation; no traceback is shown.

    `path` leads from what was checked to what is wrong in it, where that is known: names and numbers, the outer first.
    """

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class NothingHere(Refused):
    """One collection has nothing of what a source goes by; beside a collection that has some, it is said and the work goes on."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """Of the valid names the one most like `word`, as a clause; all of them where none is alike."""
    names = sorted(set(map(str, valid)))
    alike = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    if alike:
        return f"did you mean '{alike[0]}'?"
    return f"valid: {', '.join(names)}" if names else "there is none to choose from"


def listed(values: Iterable[object], most: int = 5) -> str:
    """The first few values, quoted, and how many more there are."""
    values = list(values)
    shown = ", ".join(f"'{value}'" for value in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most:,} more"
