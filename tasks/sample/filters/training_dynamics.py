"""training-dynamics: removes queries with the largest error in the last training (EL2N; Deep
Learning on a Data Diet, arXiv 2107.07075).
"""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from tasks.sample.training_history import visits, worst


def training_dynamics(
    trained: pl.DataFrame,
    *,
    by: Literal["el2n", "loss"] = "el2n",
    share: Annotated[float, Field(gt=0, lt=1)] = 0.1,
    end: Literal["largest", "smallest"] = "largest",
    least: Annotated[int, Field(ge=2)] = 3,
    temperature: Annotated[float, Field(gt=0)] = 0.05,
) -> pl.DataFrame:
    """The queries with the largest mean error: the fraction `share` of those seen at least `least`
    times in training.

    el2n: || softmax((s+, s-_1, .., s-_n) / temperature) - (1, 0, .., 0) ||_2 over the positive and
    the query's own negatives. loss: the value of the round's losses over the whole batch. In the
    paper, the largest errors contain many wrong labels. To save work, it trains on large errors
    without the smallest ones (`end: smallest`).

    **Needs `least` epochs** in the start round, and for el2n own negatives: the error of a query
    seen once depends more on when it was seen than on its label. Queries seen less often, or never,
    are kept. If no query was seen often enough, as after one epoch, nothing is removed.

    Adapted: the paper averages over ten initializations at one early epoch, and this rule over the
    epochs of one training. Its classes correspond to the documents that the query is compared with.

    Args:
        trained: of the start round: step, query_id, doc_id, role, loss, score.
        by: the error measure. [paper]
        share: fraction of the eligible queries. [Hone default]
        end: which end is removed. [Hone default]
        least: minimum number of visits. [Hone default]
        temperature: of the softmax, in the model's score space. 0.05 is that of infonce for
            cosines. The paper has logits and 1. [Hone default]

    Returns:
        query_id, doc_id (null: the query is removed), detail.
    """
    seen = visits(trained)
    seen = with_el2n(seen, temperature) if by == "el2n" else seen.with_columns(error="loss")
    errors = (
        seen.group_by("query_id")
        .agg(seen=pl.len(), error=pl.col("error").mean())
        .filter((pl.col("seen") >= least) & pl.col("error").is_finite())
    )
    signed = errors.with_columns(order=pl.col("error") * (1 if end == "largest" else -1))
    return worst(signed, share, len(errors), "order").select(
        "query_id",
        doc_id=pl.lit(None, dtype=pl.String),
        detail=pl.format(
            "a mean {} of {} over {} visits", pl.lit(by), pl.col("error").round(4), "seen"
        ),
    )


def with_el2n(seen: pl.DataFrame, temperature: float) -> pl.DataFrame:
    """The steps with own negatives, with `error`: distance of the softmax from the positive's
    one-hot vector, 0 to sqrt 2.
    """
    weights = pl.concat_list("positive", "negatives").list.eval(
        ((pl.element() - pl.element().max()) / temperature).exp()
    )
    total, others = pl.col("weights").list.sum(), pl.col("weights").list.slice(1)
    return (
        seen.filter(pl.col("negatives").list.len() > 0)
        .with_columns(weights=weights)
        .with_columns(
            wrong=others.list.sum() / total,
            squares=others.list.eval(pl.element() ** 2).list.sum() / total**2,
        )
        .with_columns(error=(pl.col("wrong") ** 2 + pl.col("squares")).sqrt())
        .drop("weights", "wrong", "squares")
    )
