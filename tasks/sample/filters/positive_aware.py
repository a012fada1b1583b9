"""positive-aware: keeps only candidates that score clearly below the labelled positive
(NV-Retriever, arXiv 2407.15831).

A candidate that a good encoder scores about as high as the labelled positive is probably relevant
too.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.errors import Refused
from tasks.sample.relative_scores import compared, rounded


def refuse_unfit(parameters: dict) -> None:
    """Raise Refused if no threshold is set."""
    if all(parameters[name] is None for name in ("share", "margin", "absolute")):
        raise Refused("positive-aware has no threshold. Set `share`, `margin` or `absolute`.")


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
    """Pairs that score above the threshold of their query.

    The reference is the lowest-scored labelled positive. This is conservative, but can remove many
    candidates if that label is wrong. With s+ its score, the thresholds are s+ - abs(s+) (1 -
    share), s+ - margin, and absolute. The lowest of those that are set applies. The first equals s+
    * share for positive s+, and stays below s+ for negative s+.

    Args:
        pool: query_id, doc_id.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score, in the scorer's space (cosine for the default
            encoder).
        share: TopK-PercPos. 0.95 is the paper's best value. Null: not used. [survey]
        margin: TopK-MarginPos. 0.05 is the paper's value, for its teacher's cosines. Null: not
            used. [Hone default]
        absolute: TopK-Abs. Null: not used. The paper's value is unknown here. [Hone default]
        scorer: the scorer. Null: the first dense source, or the round's starting model. [Hone
            default]

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
        .select(
            "query_id",
            "doc_id",
            detail=pl.format("scores {}, threshold {}", rounded("by"), rounded("bound")),
        )
    )
