"""The training part of a collection: its queries, and the held-out positives."""

from __future__ import annotations

import polars as pl

from hone.data.tables import Documents
from tasks.collect import split
from tasks.collect.hide_bias import rank_weights
from tasks.collect.settings import CollectSettings


def training_part(
    queries: pl.DataFrame, labels: pl.DataFrame, relevant: pl.DataFrame, settings: CollectSettings
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, list[pl.DataFrame]]:
    """The training queries, their labels, queries without a labelled positive, and a row for each
    excluded query.

    `train_queries` limits both kinds together, answerable ones first. Queries without a positive
    are only used by recipes with `train.queries: all`.
    """
    answered = queries.join(relevant, on="query_id", how="semi", maintain_order="left")
    unanswered = queries.join(relevant, on="query_id", how="anti", maintain_order="left")
    ordered = split.in_training_order(answered, relevant, settings.seed)
    limit = settings.train_queries
    first_queries = ordered if limit is None else ordered.head(limit)
    over = ordered.slice(len(first_queries))
    others = split.in_training_order(unanswered, relevant, settings.seed)
    unlabelled = others if limit is None else others.head(limit - len(first_queries))
    excluded = [
        unanswered.select(
            "query_id",
            doc_id=pl.lit(None, dtype=pl.String),
            rule=pl.lit("no-positive"),
            detail=pl.lit("no known positive"),
        ),
        over.select(
            "query_id",
            doc_id=pl.lit(None, dtype=pl.String),
            rule=pl.lit("train-queries"),
            detail=pl.lit(f"beyond the first {len(first_queries):,}"),
        ),
    ]
    return (
        first_queries,
        labels.join(first_queries, on="query_id", how="semi", maintain_order="left"),
        unlabelled,
        excluded,
    )


def hidden_part(
    labels: pl.DataFrame, queries: pl.DataFrame, documents: Documents, settings: CollectSettings
) -> pl.DataFrame:
    """The held-out positives, which training never sees."""
    relevant = labels.filter(pl.col("relevance") >= settings.min_relevance)
    hide = settings.hide
    if hide is None:
        return relevant.clear()
    weights = (
        rank_weights(relevant, queries, documents, settings.language)
        if hide.bias == "bm25" and len(relevant)
        else None
    )
    return relevant.filter(split.hidden(relevant, hide.share, hide.seed, weights))
