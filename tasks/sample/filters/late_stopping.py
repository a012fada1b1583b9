"""late-stopping: removes the queries that training learned last (Late Stopping, arXiv 2308.13862).

A network learns correct labels before it memorizes wrong ones. The epoch from which an example is
predicted correctly therefore separates them better than the loss. The loss is also large for hard
but correct examples.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from tasks.sample.training_history import visits, worst


def late_stopping(
    trained: pl.DataFrame,
    *,
    share: Annotated[float, Field(gt=0, lt=1)] = 0.1,
    in_a_row: Annotated[int, Field(ge=1)] = 3,
) -> pl.DataFrame:
    """The queries learned last: at most the fraction `share` of those seen more than `in_a_row`
    times in training.

    A query is correct at a step if its positive scores above each of its own negatives. It is
    learned at its first step that ends `in_a_row` correct ones (the paper's first k-epoch
    learning). Queries that are never learned come first, then those learned last. Ties are broken
    by the smaller mean margin. Queries learned at the earliest possible step are never removed.

    **Needs more than `in_a_row` epochs** in the start round, with own negatives. Queries seen less
    often, or never, are kept. If no query was seen often enough, as after one epoch, nothing is
    removed.

    Adapted: the paper's classifier sees all classes, and this rule only the query's own negatives.
    The paper removes repeatedly during one long training, and this rule once in a round.

    Args:
        trained: of the start round: step, query_id, doc_id, role, loss, score.
        share: fraction of the eligible queries. [Hone default]
        in_a_row: k in the paper. [unverified]

    Returns:
        query_id, doc_id (null: the query is removed), detail.
    """
    seen = (
        visits(trained)
        .filter(pl.col("negatives").list.len() > 0)
        .with_columns(margin=pl.col("positive") - pl.col("negatives").list.max())
        .with_columns(
            right=pl.col("margin") > 0, visit=pl.int_range(1, pl.len() + 1).over("query_id")
        )
        .with_columns(run=pl.col("right").cast(pl.Int32).rolling_sum(in_a_row).over("query_id"))
    )
    learned = (
        seen.group_by("query_id")
        .agg(
            seen=pl.len(),
            learned=pl.col("visit").filter(pl.col("run") == in_a_row).min(),
            behind=-pl.col("margin").mean(),
        )
        .filter(pl.col("seen") > in_a_row)
    )
    late = learned.filter(
        pl.col("learned").is_null() | (pl.col("learned") > in_a_row)
    ).with_columns(when=pl.col("learned").fill_null(pl.col("seen").max() + 1))
    return worst(late, share, len(learned), "when", "behind").select(
        "query_id",
        doc_id=pl.lit(None, dtype=pl.String),
        detail=pl.when(pl.col("learned").is_null())
        .then(pl.format("not learned in {} visits", "seen"))
        .otherwise(pl.format("learned at visit {} of {}", "learned", "seen")),
    )
