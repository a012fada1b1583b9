"""training-dynamics: no query with the largest error in the last training (EL2N; Deep Learning on a Data Diet, arXiv 2107.07075)."""

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
    """Queries with the largest mean error over the steps that saw them: `share` of those that training saw `least` times or more.

    el2n: || softmax((s+, s-_1, .., s-_n) / temperature) - (1, 0, .., 0) ||_2 over the positive and the query's own negatives.
    loss: what the round's losses gave, over the whole batch. The paper finds that the largest errors gather wrong labels, and
    trains on the large ones without the smallest (`end: smallest`) to save work.

    **Needs `least` epochs** in the round that this one starts from, and for el2n own negatives: a query that is seen once is seen
    early or late in the training, which its error tells more of than its label. What was seen less often, or never, stays; where
    that is all, as after one epoch, nothing is removed.

    Adapted: the paper takes the mean over ten initialisations at one early epoch, this the mean over the epochs of one training;
    its classes are here the documents that the query was held against.

    Args:
        trained: of the round that this one starts from: step, query_id, doc_id, role, loss, score.
        by: which error. [paper]
        share: of the queries that can be told. [Hone default]
        end: which end leaves. [Hone default]
        least: visits. [Hone default]
        temperature: of the softmax, in the model's score space; .05 is that of infonce for cosines. The paper has logits and 1. [Hone
            default]

    Returns:
        query_id, doc_id (null: the query leaves), detail.
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
        detail=pl.format("a mean {} of {} over {} visits", pl.lit(by), pl.col("error").round(4), "seen"),
    )


def with_el2n(seen: pl.DataFrame, temperature: float) -> pl.DataFrame:
    """The steps with own negatives, with `error`: how far the documents' shares are from all being the positive's, 0 to sqrt 2."""
    weights = pl.concat_list("positive", "negatives").list.eval(((pl.element() - pl.element().max()) / temperature).exp())
    total, others = pl.col("weights").list.sum(), pl.col("weights").list.slice(1)
    return (
        seen.filter(pl.col("negatives").list.len() > 0)
        .with_columns(weights=weights)
        .with_columns(wrong=others.list.sum() / total, squares=others.list.eval(pl.element() ** 2).list.sum() / total**2)
        .with_columns(error=(pl.col("wrong") ** 2 + pl.col("squares")).sqrt())
        .drop("weights", "wrong", "squares")
    )
