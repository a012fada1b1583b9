"""late-stopping: no query that training took longest to learn (Late Stopping, arXiv 2308.13862).

A network learns what is labelled right before it learns what is labelled wrong by heart. So the epoch from which on an example is
got right tells the two apart better than its loss, which is large for right but hard examples too.
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
    """Queries that were learned last: of those that training saw more than `in_a_row` times, at most `share`.

    A query is got right at a step if its positive scores above each of its own negatives. It is learned at its first step that
    ends `in_a_row` right ones (the paper's first k-epoch learning). Queries that are not learned yet come first, then those
    learned last; of equals those with the smaller mean margin. One that is learned as early as can be is never removed.

    **Needs more than `in_a_row` epochs** in the round that this one starts from, with own negatives. A query which that training
    saw less often, or never, stays; where it saw none often enough, as in one epoch, nothing is removed.

    Adapted: the paper's classifier sees all classes, this the query's own negatives alone; the paper removes again and again
    during one long training, this rule once a round.

    Args:
        trained: of the round that this one starts from: step, query_id, doc_id, role, loss, score.
        share: of the queries that can be told. [Hone default]
        in_a_row: k. [unverified]

    Returns:
        query_id, doc_id (null: the query leaves), detail.
    """
    seen = (
        visits(trained)
        .filter(pl.col("negatives").list.len() > 0)
        .with_columns(margin=pl.col("positive") - pl.col("negatives").list.max())
        .with_columns(right=pl.col("margin") > 0, visit=pl.int_range(1, pl.len() + 1).over("query_id"))
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
    late = learned.filter(pl.col("learned").is_null() | (pl.col("learned") > in_a_row)).with_columns(
        when=pl.col("learned").fill_null(pl.col("seen").max() + 1)
    )
    return worst(late, share, len(learned), "when", "behind").select(
        "query_id",
        doc_id=pl.lit(None, dtype=pl.String),
        detail=pl.when(pl.col("learned").is_null())
        .then(pl.format("not learned in {} visits", "seen"))
        .otherwise(pl.format("learned at visit {} of {}", "learned", "seen")),
    )
