"""closer-to-query: only candidates that are nearer to the query than the positive is, and than they are to the positive.

Hard Negative Mining for Domain-Specific Retrieval in Enterprise Systems (arXiv 2505.18366). The first condition asks for
candidates that the encoder ranks above the answer; the second takes out those of them that lie with the answer. Where no
candidate fulfils both, the paper takes no negative: `on_shortage: fewer`.
"""

from __future__ import annotations

import polars as pl

from hone.errors import Refused
from hone.layout import PAIR
from tasks.sample.relative_scores import compared, given_to, of_scorer, rounded

# How far from 1 the cosine of a text with itself may be computed.
ROUNDING = 1e-2


def refuse_unfit(parameters: dict) -> None:
    """Raises Refused where the two scores are not of one model, as far as their names tell."""
    scorer, other = (parameters[name] for name in ("scorer", "to_positives"))
    if scorer is not None and scorer.partition(":")[2] != other.partition(":")[2]:
        raise Refused(f"closer-to-query compares '{scorer}' with '{other}': name the same model in both.")


def closer_to_query(
    pool: pl.DataFrame,
    positives: pl.DataFrame,
    scores: pl.DataFrame,
    *,
    scorer: str | None = None,
    to_positives: str = "encoder-to-positives",
) -> pl.DataFrame:
    """Pairs for which not both hold: d(q, n) < d(q, p) and d(q, n) < d(p, n), with the cosine distance d = 1 - s.

    In similarities: s(q, n) > s(q, p) and s(q, n) > s(p, n), strictly. The paper has one positive; of several each must be
    farther from the query, and from the candidate (ours). What has no score, or no positive to be held against, goes.

    Args:
        pool: query_id, doc_id.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score. Cosines: an inner product of vectors of any length is no distance.
        scorer: who gives s(q, .); null: the first dense source, or the round's starting model. [Hone default]
        to_positives: who gives s(p, n), the largest over the known positives: a line `encoder: {to: positives}` of the recipe's section
            `score`, with the same model as `scorer`. [Hone default]

    Returns:
        query_id, doc_id, detail.

    Raises:
        Refused: one of the two scored nothing, they are two models', or the scores are no cosines.
    """
    refuse_unfit({"scorer": scorer, "to_positives": to_positives})
    if pool.is_empty():
        return pool.select(*PAIR, detail=pl.lit(""))
    near = of_scorer(scores, to_positives, "closer-to-query")
    refuse_inner_products(near, positives, to_positives)
    held = compared(pool, positives, scores, scorer, "closer-to-query", to="highest")
    nearer = (pl.col("by") > pl.col("reference")).fill_null(False)
    far = held.filter(~nearer).select(
        *PAIR, detail=pl.format("to the query {}, no nearer than the positive with {}", rounded("by"), rounded("reference"))
    )
    near_it = held.filter(nearer)
    beside = (
        near_it.with_columns(to_positive=given_to(near_it, near))
        .filter(~(pl.col("by") > pl.col("to_positive")).fill_null(False))
        .select(*PAIR, detail=pl.format("to the query {}, no nearer than to the positive with {}", rounded("by"), rounded("to_positive")))
    )
    return pl.concat([far, beside])


def refuse_inner_products(near: pl.DataFrame, positives: pl.DataFrame, scorer: str) -> None:
    """Raises Refused where a known positive is not like itself by 1."""
    itself = positives.select(*PAIR, by=given_to(positives, near))
    other = itself.filter((pl.col("by") - 1).abs() > ROUNDING)
    if len(other):
        query, document, score = other.row(0)
        raise Refused(
            f"closer-to-query compares cosine distances, and '{scorer}' finds document '{document}', a known answer of query '{query}', "
            f"like itself by {score:g}, not 1: its scores are inner products of vectors of any length. Use a model that compares by cosine."
        )
