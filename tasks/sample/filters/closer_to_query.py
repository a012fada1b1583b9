"""closer-to-query: keeps only candidates nearer to the query than the positive is, and nearer to
the query than to the positive.

Hard Negative Mining for Domain-Specific Retrieval in Enterprise Systems (arXiv 2505.18366). The
first condition selects candidates that the encoder ranks above the positive. The second removes
those that are similar to the positive. If no candidate meets both, the paper uses no negative:
`on_shortage: fewer`.
"""

from __future__ import annotations

import polars as pl

from hone.errors import Refused
from hone.layout import PAIR
from tasks.sample.relative_scores import compared, given_to, of_scorer, rounded

# tolerance for the cosine of a text with itself
ROUNDING = 1e-2


def refuse_unfit(parameters: dict) -> None:
    """Raise Refused if the names of the two scorers show different models."""
    scorer, other = (parameters[name] for name in ("scorer", "to_positives"))
    if scorer is not None and scorer.partition(":")[2] != other.partition(":")[2]:
        raise Refused(
            f"closer-to-query compares '{scorer}' with '{other}'. Name the same model in both."
        )


def closer_to_query(
    pool: pl.DataFrame,
    positives: pl.DataFrame,
    scores: pl.DataFrame,
    *,
    scorer: str | None = None,
    to_positives: str = "encoder-to-positives",
) -> pl.DataFrame:
    """Pairs that violate d(q, n) < d(q, p) or d(q, n) < d(p, n), with the cosine distance d = 1 -
    s.

    In similarities: s(q, n) > s(q, p) and s(q, n) > s(p, n), strictly. The paper has one positive.
    If there are several, each must be farther from the query and from the candidate [Hone default].
    Pairs without a score or without a positive are removed.

    Args:
        pool: query_id, doc_id.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score. They must be cosines: an inner product of
            unnormalized vectors is not a distance.
        scorer: the scorer for s(q, .). Null: the first dense source, or the round's starting model.
            [Hone default]
        to_positives: the scorer for s(p, n), the maximum over labelled positives: a line
            `encoder: {to: positives}` in the recipe's section `score`, with the same model as
            `scorer`. [Hone default]

    Returns:
        query_id, doc_id, detail.

    Raises:
        Refused: one of the scorers has no scores, they use different models, or the scores are not
            cosines.
    """
    refuse_unfit({"scorer": scorer, "to_positives": to_positives})
    if pool.is_empty():
        return pool.select(*PAIR, detail=pl.lit(""))
    near = of_scorer(scores, to_positives, "closer-to-query")
    refuse_inner_products(near, positives, to_positives)
    comparison = compared(pool, positives, scores, scorer, "closer-to-query", to="highest")
    nearer = (pl.col("by") > pl.col("reference")).fill_null(False)
    far = comparison.filter(~nearer).select(
        *PAIR,
        detail=pl.format(
            "to the query {}, not nearer than the positive with {}",
            rounded("by"),
            rounded("reference"),
        ),
    )
    near_it = comparison.filter(nearer)
    beside = (
        near_it.with_columns(to_positive=given_to(near_it, near))
        .filter(~(pl.col("by") > pl.col("to_positive")).fill_null(False))
        .select(
            *PAIR,
            detail=pl.format(
                "to the query {}, not nearer than to the positive with {}",
                rounded("by"),
                rounded("to_positive"),
            ),
        )
    )
    return pl.concat([far, beside])


def refuse_inner_products(near: pl.DataFrame, positives: pl.DataFrame, scorer: str) -> None:
    """Raise Refused if the similarity of a labelled positive with itself is not 1."""
    itself = positives.select(*PAIR, by=given_to(positives, near))
    other = itself.filter((pl.col("by") - 1).abs() > ROUNDING)
    if len(other):
        query, document, score = other.row(0)
        raise Refused(
            f"closer-to-query needs cosines, but '{scorer}' scores document '{document}', a "
            f"labelled positive of query '{query}', "
            f"with itself as {score:g}, not 1: its scores are inner products of unnormalized "
            "vectors. Use a model that compares "
            "by cosine."
        )
