"""A made-up training set: twelve queries, each with one or two positives and two mined
negatives; and batches as losses see them.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import polars as pl

from hone.data import tables
from tests.tiny_model import WORDS

if TYPE_CHECKING:
    import torch

    from tasks.train.objective import Batch

QUERIES = 12


def made_up() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """labels, queries (query_id, text, collection) and texts (doc_id, full_text). Queries 0 to 3
    have a second positive.
    """
    pairs = list(product(WORDS[:8], WORDS[8:]))
    texts = pl.DataFrame(
        {
            "doc_id": [f"d{n}" for n in range(60)],
            "full_text": [" ".join(pairs[n]) for n in range(60)],
        }
    )
    queries = pl.DataFrame(
        {
            "query_id": [f"q{n}" for n in range(QUERIES)],
            "text": [pairs[n][1] for n in range(QUERIES)],
            "collection": ["one"] * QUERIES,
        }
    )
    rows = [(f"q{n}", f"d{n}", "positive", None) for n in range(QUERIES)]
    rows += [(f"q{n}", f"d{n + 20}", "positive", None) for n in range(4)]
    rows += [
        (f"q{n}", f"d{n + 30 + rank}", "negative", rank) for n in range(QUERIES) for rank in (1, 2)
    ]
    labels = pl.DataFrame(rows, schema=["query_id", "doc_id", "label", "rank"], orient="row")
    return tables.shaped("labels", labels), queries, texts


def batch_of(
    scores: torch.Tensor | list,
    positive: list[int],
    usable: list,
    weights: list | None = None,
    teacher: list | None = None,
) -> Batch:
    """A batch of [B, D] scores; every weight 1 and no teacher unless given."""
    import torch

    from tasks.train.objective import Batch

    scores, usable = torch.as_tensor(scores), torch.as_tensor(usable)
    return Batch(
        torch.empty(0),
        torch.empty(0),
        scores,
        torch.tensor(positive),
        usable,
        usable,
        torch.ones_like(scores) if weights is None else torch.tensor(weights),
        torch.full_like(scores, torch.nan) if teacher is None else torch.as_tensor(teacher),
        torch.ones(len(positive)),
    )
