"""Attributes of texts: numbers, rule-based entities, or matches of a regular expression.

Expressions run in the regex crate of polars, whose time is linear in the text, so no expression can
hang.
"""

from __future__ import annotations

import polars as pl

NUMBER = r"\b(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?\b"
WORD = r"\p{Lu}[\p{L}\p{N}'’_-]*"
RUN = rf"\b{WORD}(?:\s+{WORD})*"
# The first word of a text or sentence is capitalized in any case.
BEGINNING = rf"(?:^|[.!?:]\s+|\n\s*)[\"'“(\[]*{WORD}"


def extracted(texts: pl.Series, what: str) -> pl.Series:
    """The values in each text, as lists.

    Args:
        texts: any texts.
        what: `numbers` (1,000 equals 1000, and 2.50 equals 2.5), `entities` (runs of capitalized
            words, without the first word of a sentence: "New York is" yields York), or a regular
            expression.
    """
    if what == "numbers":
        found = texts.str.extract_all(NUMBER)
        return found.list.eval(plain_number(pl.element()))
    if what == "entities":
        return (
            texts.str.replace_all(BEGINNING, " . ")
            .str.extract_all(RUN)
            .list.eval(pl.element().str.replace_all(r"\s+", " "))
        )
    return texts.str.extract_all(what).list.eval(pl.element().filter(pl.element() != ""))


def plain_number(number: pl.Expr) -> pl.Expr:
    """A canonical number: without commas, leading zeros and trailing decimal zeros."""
    parted = number.str.replace_all(",", "")
    short = (
        pl.when(parted.str.contains(".", literal=True))
        .then(parted.str.strip_chars_end("0").str.strip_chars_end("."))
        .otherwise(parted)
    )
    bare = short.str.strip_chars_start("0")
    return (
        pl.when((bare == "") | bare.str.starts_with(".")).then(pl.lit("0") + bare).otherwise(bare)
    )


def compiles(pattern: str) -> str:
    """Return the pattern itself.

    Raises:
        ValueError: it is not a regular expression that the engine supports (no look-around, no
            back-references).
    """
    try:
        pl.Series(["text"]).str.extract_all(pattern)
    except pl.exceptions.PolarsError as error:
        raise ValueError(
            f"{pattern!r} is not a supported regular expression: {' '.join(str(error).split())}"
        ) from None
    return pattern
