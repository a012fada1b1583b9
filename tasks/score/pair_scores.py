"""The pairs to score, and the check that their scores are finite."""

from __future__ import annotations

import polars as pl

from hone.data.labels import positives_of
from hone.errors import Refused


def pairs_of(candidates: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Each candidate and labelled positive of a query once: query_id, doc_id."""
    positives = positives_of(labels)
    both = pl.concat(
        [candidates.select("query_id", "doc_id"), positives.select("query_id", "doc_id")]
    )
    return both.unique(maintain_order=True)


def refuse_no_number(scores: pl.DataFrame) -> None:
    """Raise Refused if a score is NaN or infinite, because filters that use it would act at
    random.
    """
    bad = scores.filter(~pl.col("score").is_finite().fill_null(False))
    for row in bad.head(1).iter_rows(named=True):
        raise Refused(
            f"the scorer {row['scorer']} returned NaN or infinity for {len(bad):,} scores, such "
            "as that of the document "
            f"'{row['doc_id']}' for the query '{row['query_id']}', so its model is broken. Remove "
            "it from the recipe's `score`, "
            "or name another model."
        )
