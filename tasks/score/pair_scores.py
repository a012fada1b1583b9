"""The pairs that are scored, and the check that their scores are finite."""

from __future__ import annotations

import polars as pl

from hone.data.labels import positives_of
from hone.errors import Refused


def pairs_of(candidates: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Each candidate and known positive of a query once: query_id, doc_id."""
    positives = positives_of(labels)
    both = pl.concat([candidates.select("query_id", "doc_id"), positives.select("query_id", "doc_id")])
    return both.unique(maintain_order=True)


def refuse_no_number(scores: pl.DataFrame) -> None:
    """Raises Refused where a score is no number: a rule that compares by it would keep or remove at random."""
    bad = scores.filter(~pl.col("score").is_finite().fill_null(False))
    for row in bad.head(1).iter_rows(named=True):
        raise Refused(
            f"the scorer {row['scorer']} gives {len(bad):,} scores that are no numbers, such as that of the document '{row['doc_id']}' for "
            f"the query '{row['query_id']}': its model is broken. Leave it out of the recipe's `score`, or name another."
        )
