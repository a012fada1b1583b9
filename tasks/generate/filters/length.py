"""length: queries with too few or too many words."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

LONGEST_WORD = 200  # characters; a longer string is not a word [Hone default]


def length(
    queries: pl.DataFrame,
    *,
    shortest: Annotated[int, Field(ge=0)] = 2,
    longest: Annotated[int, Field(ge=1)] = 64,
) -> pl.DataFrame:
    """Remove queries with an implausible length.

    Args:
        queries: query_id, text, doc_id, document.
        shortest: minimum number of words. A text in a script without spaces counts a word for
            every two characters. [Hone default]
        longest: maximum number of words. [Hone default]

    Returns:
        query_id, detail of the removed queries.
    """
    counted = queries.select("query_id", "text", words=count_words(pl.col("text")))
    wordless = pl.col("text").str.contains(rf"\S{{{LONGEST_WORD + 1},}}")
    return counted.filter(
        (pl.col("words") < shortest) | (pl.col("words") > longest) | wordless
    ).select(
        "query_id",
        detail=pl.when(wordless)
        .then(pl.lit(f"a word has more than {LONGEST_WORD} characters"))
        .otherwise(pl.format("{} words", "words")),
    )


def count_words(text: pl.Expr) -> pl.Expr:
    """The number of words, separated by spaces. Where characters of scripts without spaces prevail,
    half the number of characters.
    """
    spaced = text.str.count_matches(r"\S+")
    unspaced = text.str.count_matches(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}]")
    return pl.max_horizontal(spaced, (unspaced + 1) // 2)
