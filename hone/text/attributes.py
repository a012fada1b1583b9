"""What a predicate extracts from texts: numbers, entities by rule, or the matches of a regular expression.

Texts and expressions are run by the regex crate of polars, whose time is linear in the text: no expression can hang it.
"""

from __future__ import annotations

import polars as pl

NUMBER = r"\b(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?\b"
WORD = r"\p{Lu}[\p{L}\p{N}'’_-]*"
RUN = rf"\b{WORD}(?:\s+{WORD})*"
# The first word of a text or sentence, which is capitalised whatever it is.
BEGINNING = rf"(?:^|[.!?:]\s+|\n\s*)[\"'“(\[]*{WORD}"


def extracted(texts: pl.Series, what: str) -> pl.Series:
    """The values in each text, as lists.

    Args:
        texts: any texts.
        what: `numbers` (1,000 and 1000 are one, 2.50 and 2.5 too), `entities` (runs of capitalised words; the word that begins a
            sentence is none, so that of "New York is" the York is left), or a regular expression.
    """
    if what == "numbers":
        found = texts.str.extract_all(NUMBER)
        return found.list.eval(plain_number(pl.element()))
    if what == "entities":
        return texts.str.replace_all(BEGINNING, " . ").str.extract_all(RUN).list.eval(pl.element().str.replace_all(r"\s+", " "))
    return texts.str.extract_all(what).list.eval(pl.element().filter(pl.element() != ""))


def plain_number(number: pl.Expr) -> pl.Expr:
    """A number as one writes it: without commas, leading zeros and zeros after the decimal point's last digit."""
    parted = number.str.replace_all(",", "")
    short = pl.when(parted.str.contains(".", literal=True)).then(parted.str.strip_chars_end("0").str.strip_chars_end(".")).otherwise(parted)
    bare = short.str.strip_chars_start("0")
    return pl.when((bare == "") | bare.str.starts_with(".")).then(pl.lit("0") + bare).otherwise(bare)


def compiles(pattern: str) -> str:
    """The pattern as it is.

    Raises:
        ValueError: it is no regular expression that the engine knows (it has no look-around and no back-references).
    """
    try:
        pl.Series(["text"]).str.extract_all(pattern)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{pattern!r} is no regular expression that can be used here: {' '.join(str(error).split())}") from None
    return pattern
