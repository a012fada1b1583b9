"""copy: queries that repeat their document word for word."""

from __future__ import annotations

import re
from typing import Annotated

import polars as pl
from pydantic import Field

WORD = re.compile(r"\w+")


def copy(
    queries: pl.DataFrame,
    *,
    most: Annotated[float, Field(ge=0, le=1)] = 0.8,
    run: Annotated[int, Field(ge=1)] = 3,
) -> pl.DataFrame:
    """Remove queries of which too many words are copied. A model would learn to match words.

    Args:
        queries: query_id, text, doc_id, document.
        most: maximum share of the words that stand in a copied run. [Hone default]
        run: words in a row that occur in the document in the same order count as copied. A query
            with fewer words is never removed. [Hone default]

    Returns:
        query_id, detail of the removed queries.
    """
    found = [
        (query_id, share)
        for query_id, text, document in queries.select("query_id", "text", "document").iter_rows()
        if (share := copied_share(text, document, run)) > most
    ]
    return pl.DataFrame(
        {
            "query_id": [one for one, _ in found],
            "detail": [f"{share:.0%} of its words are copied" for _, share in found],
        },
        schema={"query_id": pl.String, "detail": pl.String},
    )


def copied_share(query: str, document: str, run: int) -> float:
    """The share of a query's words that are part of `run` or more words in a row which the document
    has, too. Case and punctuation do not count.
    """
    words, others = WORD.findall(query.lower()), WORD.findall(document.lower())
    if len(words) < run:
        return 0.0
    runs = {tuple(others[at : at + run]) for at in range(len(others) - run + 1)}
    copied = [False] * len(words)
    for at in range(len(words) - run + 1):
        if tuple(words[at : at + run]) in runs:
            copied[at : at + run] = [True] * run
    return sum(copied) / len(words)
