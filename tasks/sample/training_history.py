"""What the last training saw of each query, one row for each step that it was part of: what rules about training start from."""

from __future__ import annotations

import polars as pl


def visits(trained: pl.DataFrame) -> pl.DataFrame:
    """One row for each query and step, a query's rows in the order of the steps.

    The table has the scores that the model gave at that step, before it learned from it: of the positive that was drawn and of the
    query's own negatives. Documents of other queries are not in it, though InfoNCE compares with them too.

    Args:
        trained: step, query_id, role, loss, score.

    Returns:
        query_id, step, visit (from 1), loss (the mean over the step's positives), positive (the lowest score of one), negatives
        (a list of scores; empty where the query had none).
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
    """The rows that stand first by `order` (descending), as many as `share` of `of` queries, rounded down; of equals by id."""
    return queries.sort(*order, "query_id", descending=[*(True for _ in order), False], nulls_last=True).head(int(share * of + 1e-9))
