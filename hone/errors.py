"""Refusals: sentences that tell the user what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# C0 without tab and line feed, DEL and C1; marks and overrides of direction; separators of lines; surrogates; invisible tags.
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
UNPRINTABLE_OR_LINE = re.compile(f"[\t\n]|{UNPRINTABLE.pattern}")


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
    shown = ", ".join(f"'{printable(str(value), lines=False)}'" for value in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most:,} more"


def printable(text: str, lines: bool = True) -> str:
    r"""`text` as a terminal may be given it: control characters, marks of writing direction and half surrogates are spelt out.

    An escape sequence could otherwise change the title, the clipboard or what is on the screen. ESC becomes the four characters
    `\x1b`. Line feeds and tabs stay, unless `lines` is false: an id with a line feed must not look like a line of its own.
    """
    return (UNPRINTABLE if lines else UNPRINTABLE_OR_LINE).sub(lambda found: ascii(found[0])[1:-1], text)
