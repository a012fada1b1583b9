"""positive-aware: only candidates that score clearly below the known positive (NV-Retriever, arXiv 2407.15831).

A candidate that a good encoder finds about as close to the query as the known answer is probably an answer too.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.errors import Refused
from tasks.sample.relative_scores import compared, rounded


def refuse_unfit(parameters: dict) -> None:
    """Raises Refused where nothing bounds."""
    if all(parameters[name] is None for name in ("share", "margin", "absolute")):
        raise Refused("positive-aware has no bound: set `share`, `margin` or `absolute`.")


def positive_aware(
    pool: pl.DataFrame,
    positives: pl.DataFrame,
    scores: pl.DataFrame,
    *,
    share: Annotated[float, Field(gt=0, le=1)] | None = 0.95,
    margin: Annotated[float, Field(ge=0)] | None = None,
    absolute: float | None = None,
    scorer: str | None = None,
) -> pl.DataFrame:
    """Pairs that score above the bound of their query.

    The reference is the lowest-scored known positive, which is safe and can remove much when that label is wrong. With
    s+ its score the bounds are s+ - abs(s+) (1 - share), s+ - margin, and absolute; the lowest of those that are set
    holds. The first is s+ * share where s+ is positive and does not turn round where it is negative.

    Args:
        pool: query_id, doc_id.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score; in the scorer's space (cosine for the default encoder).
        share: TopK-PercPos; .95 is the paper's best; null: not used. [survey]
        margin: TopK-MarginPos; .05 is the paper's, for its teacher's cosines; null: not used. [Hone default]
        absolute: TopK-Abs; null: not used. The paper's value is not known here. [Hone default]
        scorer: whose scores; null: the first dense source, or the round's starting model. [Hone default]

    Returns:
        query_id, doc_id, detail.
    """
    refuse_unfit({"share": share, "margin": margin, "absolute": absolute})
    if pool.is_empty():
        return pool.select("query_id", "doc_id", detail=pl.lit(""))
    positive = pl.col("reference")
    bounds = [
        *([positive - positive.abs() * (1 - share)] if share is not None else []),
        *([positive - margin] if margin is not None else []),
        *([pl.lit(absolute, dtype=pl.Float32)] if absolute is not None else []),
    ]
    return (
        compared(pool, positives, scores, scorer, "positive-aware")
        .with_columns(bound=pl.min_horizontal(bounds))
        .filter(~(pl.col("by") <= pl.col("bound")).fill_null(False))
        .select("query_id", "doc_id", detail=pl.format("scores {}, the bound is {}", rounded("by"), rounded("bound")))
    )
