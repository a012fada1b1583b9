"""Texts of docstrings and recipes as Markdown: what they say, and nothing that a page would read as its own marks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

MARKS = re.compile(r"([*<>|])")


def safe(text: str) -> str:
    """A text whose stars, angle brackets and bars stand as they are; what is between backticks is code and stays."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick without its fellow
        return MARKS.sub(r"\\\1", text.replace("`", r"\`"))
    return "`".join(part if place % 2 else MARKS.sub(r"\\\1", part) for place, part in enumerate(parts))


def cell(text: str) -> str:
    """A text inside a table, where a bar would end its cell even in code."""
    return safe(" ".join(text.split())).replace("\\|", "|").replace("|", "\\|")


def paragraphs(text: str) -> str:
    """A docstring's text; lines that are indented are shown as they stand, such as a formula."""
    return "\n".join(line if line.startswith("    ") else safe(line) for line in text.splitlines())


def sentence(text: str) -> str:
    """A text that begins with a capital and ends with a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", ":", "!", "?")) else ".") if text else ""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; nothing where it has no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(columns)} |", "|" + "---|" * len(columns), *lines]) if lines else ""


def joined(*parts: str) -> str:
    """Parts of a page with an empty line between them, those that are empty left out."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"
