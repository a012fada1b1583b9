"""History of each query in the last training, one row for each step: the basis of training-based
rules.
"""

from __future__ import annotations

import polars as pl


def visits(trained: pl.DataFrame) -> pl.DataFrame:
    """One row for each query and step, ordered by step within a query.

    Scores are those of the model at that step, before its update: of the drawn positive and the
    query's own negatives. In-batch negatives are not included, although InfoNCE uses them too.

    Args:
        trained: step, query_id, role, loss, score.

    Returns:
        query_id, step, visit (from 1), loss (mean over the step's positives), positive (the lowest
        score), negatives (a list of scores; empty if the query had none).
    """
    score = pl.col("score")
    return (
        trained.group_by("query_id", "step")
        .agg(
            loss=pl.col("loss").mean(),
            positive=score.filter(pl.col("role") == "positive").min(),
            negatives=score.filter(pl.col("role") == "negative"),
        )
        .filter(pl.col("positive").is_not_null())
        .sort("query_id", "step")
        .with_columns(visit=pl.int_range(1, pl.len() + 1).over("query_id"))
    )


def worst(queries: pl.DataFrame, share: float, of: int, *order: str) -> pl.DataFrame:
    """The first rows by `order` (descending): the fraction `share` of `of` queries, rounded
    down. Ties are broken by id.
    """
    return queries.sort(
        *order, "query_id", descending=[*(True for _ in order), False], nulls_last=True
    ).head(int(share * of + 1e-9))
