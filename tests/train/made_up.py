"""A made-up training set: twelve queries, each with one or two positives and two mined negatives."""

from __future__ import annotations

from itertools import product

import polars as pl

from tasks import tables
from tests.tiny_model import WORDS

QUERIES = 12


def made_up() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """labels, queries (query_id, text, collection) and texts (doc_id, full_text). Queries 0 to 3 have a second positive."""
    pairs = list(product(WORDS[:8], WORDS[8:]))
    texts = pl.DataFrame({"doc_id": [f"d{n}" for n in range(60)], "full_text": [" ".join(pairs[n]) for n in range(60)]})
    queries = pl.DataFrame(
        {"query_id": [f"q{n}" for n in range(QUERIES)], "text": [pairs[n][1] for n in range(QUERIES)], "collection": ["one"] * QUERIES}
    )
    rows = [(f"q{n}", f"d{n}", "positive", None) for n in range(QUERIES)]
    rows += [(f"q{n}", f"d{n + 20}", "positive", None) for n in range(4)]
    rows += [(f"q{n}", f"d{n + 30 + rank}", "negative", rank) for n in range(QUERIES) for rank in (1, 2)]
    labels = pl.DataFrame(rows, schema=["query_id", "doc_id", "label", "rank"], orient="row")
    return tables.shaped("labels", labels), queries, texts
