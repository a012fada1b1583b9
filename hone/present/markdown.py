"""Markdown: tables, and texts escaped so that Markdown shows them as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import polars as pl

MARKUP = re.compile(r"[\\`*_\[\]<>|#&~$@]")
ADDRESS = re.compile(
    r"www\.|(?:https?|ftp|mailto|xmpp):", re.IGNORECASE
)  # GitHub makes links of these without any markup
MARKS = re.compile(r"([*<>|])")
SMALLEST = 0.00005  # a smaller value, such as a p value, would read 0.0000


def escape_text(text: str) -> str:
    """An untrusted text on one line, such as a name from a collection: no character of it is
    markup, and no address becomes a link.
    """
    flat = " ".join(MARKUP.sub(r"\\\g<0>", text).split())
    return ADDRESS.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", flat)


def escape_prose(text: str) -> str:
    """A docstring's or recipe's text: asterisks, angle brackets and bars are escaped, code
    between backticks is kept.
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one backtick has no partner
        return MARKS.sub(r"\\\1", text.replace("`", r"\`"))
    return "`".join(
        part if place % 2 else MARKS.sub(r"\\\1", part) for place, part in enumerate(parts)
    )


def escape_cell(text: str) -> str:
    """The same inside a table, where a bar would end the cell even in code."""
    return escape_prose(" ".join(text.split())).replace("\\|", "|").replace("|", "\\|")


def escape_paragraphs(text: str) -> str:
    """A docstring's text; indented lines, such as a formula, are kept unchanged."""
    return "\n".join(
        line if line.startswith("    ") else escape_prose(line) for line in text.splitlines()
    )


def finish_sentence(text: str) -> str:
    """A text that begins with a capital letter and ends with a period."""
    text = text.strip()
    return (
        text[:1].upper() + text[1:] + ("" if text.endswith((".", ":", "!", "?")) else ".")
        if text
        else ""
    )


def join_blocks(*parts: str) -> str:
    """Parts of a page with an empty line between them; empty parts are left out."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def format_cell(value: object) -> str:
    """A value in a table: numbers to four decimals, texts escaped, null empty."""
    if value is None:
        return ""
    if isinstance(value, float):
        return "<0.0001" if 0 < value < SMALLEST else f"{value:.4f}"
    return escape_text(str(value))


def format_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown cells; an empty text if it has no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return (
        "\n".join([f"| {' | '.join(columns)} |", "|" + "---|" * len(columns), *lines])
        if lines
        else ""
    )


def format_texts(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of untrusted texts, which are escaped."""
    return format_table(
        list(map(format_cell, columns)), ([format_cell(text) for text in row] for row in rows)
    )


def format_frame(frame: pl.DataFrame) -> str:
    """A data frame as a table under its columns' names, each value as `format_cell` writes it."""
    return format_table(
        frame.columns, ([format_cell(value) for value in row] for row in frame.iter_rows())
    )
