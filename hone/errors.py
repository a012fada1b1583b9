"""Errors for the user: each message states what is wrong, where, and how to fix it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# C0 without tab and line feed, DEL, C1, direction marks and overrides, line separators, surrogates,
# invisible tags.
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
UNPRINTABLE_OR_LINE = re.compile(f"[\t\n]|{UNPRINTABLE.pattern}")


class Refused(Exception):
    """An error that the user can fix. The message is the whole explanation, so no traceback is
    shown.

    `path` is the path to the faulty value inside the checked object, if known: names and numbers,
    outermost first.
    """

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class NothingHere(Refused):
    """A collection lacks the data that a source needs. If another collection has it, Hone logs
    the gap and continues.
    """


def nearest(word: str, valid: Iterable[str]) -> str:
    """The valid name most similar to `word`, as a clause. If none is similar, all valid names."""
    names = sorted(set(map(str, valid)))
    alike = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    if alike:
        return f"did you mean '{alike[0]}'?"
    return f"valid: {', '.join(names)}" if names else "no valid names exist"


def listed(values: Iterable[object], most: int = 5) -> str:
    """The first few values in quotes, and the number of the others."""
    values = list(values)
    text = ", ".join(f"'{printable(str(value), lines=False)}'" for value in values[:most])
    return text if len(values) <= most else f"{text} and {len(values) - most:,} more"


def printable(text: str, lines: bool = True) -> str:
    r"""`text` in a form that is safe for a terminal: control characters, direction marks and lone
    surrogates are escaped.

    An unescaped sequence could change the window title, the clipboard or the screen. ESC becomes
    the four characters `\x1b`. Line feeds and tabs stay unless `lines` is false: an id with a line
    feed must not look like a separate line.
    """
    return (UNPRINTABLE if lines else UNPRINTABLE_OR_LINE).sub(
        lambda found: ascii(found[0])[1:-1], text
    )
