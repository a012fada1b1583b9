"""The negatives of a round: from candidates and scores to negatives and removals."""

from __future__ import annotations

from functools import partial

import polars as pl

from hone.data import tables
from hone.data.labels import positives_of
from hone.data.training_set import TrainingSet
from hone.layout import PAIR, removed_table
from hone.mining.pool import Pool, merged
from hone.mining.random_documents import DRAWN_FOR_ONE, random_queries
from hone.mining.rank_window import beyond, in_window
from hone.mining.rules import Rules, pairs_by_rule
from tasks.sample import shortage
from tasks.sample.choose.top import top
from tasks.sample.empty_pool import refuse_nothing_found, refuse_nothing_left
from tasks.sample.settings import SampleSettings


def sampled(
    candidates: pl.DataFrame,
    labels: pl.DataFrame,
    scores: pl.DataFrame,
    training: TrainingSet,
    settings: SampleSettings,
    left: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, dict]:
    """Negatives, removals and counts of a round.

    Every candidate pair is chosen, removed, or unused because there were enough better ones. These
    sets never overlap. `beyond_top` counts chosen candidates that `top` would not have chosen.
    Retrieval covers every training query. Queries whose positives were removed in an earlier round
    cannot be sampled and are counted separately (`without_positive`). Queries that never had a
    positive are sampled if the recipe trains on them (`train.queries: all`).

    Args:
        left: query_id of queries removed in an earlier round. For a query without a positive, the
            labels do not show it.
        settings: settings of the stage. `sources` are the names of the recipe's sources, empty if
            it does not mine.

    Raises:
        Refused: no source found a candidate (with `on_shortage: random` all queries are filled at
            random), or no query has a negative after the filters.
    """
    section = settings.sample
    positives = positives_of(labels)
    unanswered = training.unanswered().select("query_id")
    if left is not None:
        unanswered = unanswered.join(left, on="query_id", how="anti")
    stays = pl.concat([positives.select("query_id"), unanswered])
    queries = training.queries().join(stays, on="query_id", how="semi", maintain_order="left")
    rows = merged(candidates.join(queries, on="query_id", how="semi", maintain_order="left"))
    without = candidates.join(queries, on="query_id", how="anti")["query_id"].n_unique()
    if rows.is_empty() and settings.sources and len(queries) and section.on_shortage != "random":
        refuse_nothing_found(settings.sources, len(queries))
    if rows.is_empty() and not (settings.sources and len(queries)):
        return (
            tables.empty("negatives"),
            tables.empty("removed"),
            {
                "candidates": 0,
                "chosen": 0,
                "removed": {},
                "left": {},
                "shortage": {},
                "beyond_top": 0,
                "without_positive": without,
            },
        )
    rules = Rules(section.filters, candidates, labels, positives, scores, training, settings)
    pool = Pool(rows)
    window = section.window
    rules.apply(pool)
    queries = queries.join(pool.left, on="query_id", how="anti", maintain_order="left")
    within = in_window(pool.rows, window)
    choose = section.choose
    n = choose["parameters"]["n"]
    chosen = rules.chosen(choose, within)
    beyond_top = len(chosen.join(top(within, scores, n=n), on=PAIR, how="anti"))
    short = shortage.missing(chosen, queries["query_id"], n)
    counts = {"short": len(short), "rule": section.on_shortage}
    if section.on_shortage == "widen":
        chosen = shortage.filled(chosen, beyond(pool.rows, window, choose), short)
    elif section.on_shortage == "random" and len(short):
        draw = partial(
            random_queries, training=training, depth=n * DRAWN_FOR_ONE, settings=settings
        )
        drawn = shortage.random_fill(short, draw, rules.guarded)
        removed_pairs = pl.concat(
            [part.select(PAIR) for part in pool.removed] or [drawn.select(PAIR).clear()]
        )
        chosen = shortage.filled(
            chosen, drawn.join(removed_pairs, on=PAIR, how="anti", maintain_order="left"), short
        )
    elif section.on_shortage == "drop-query":
        pool.removed.append(
            short.select(
                "query_id",
                doc_id=pl.lit(None, dtype=pl.String),
                rule=pl.lit("shortage"),
                detail=pl.format("{} negatives too few", "lacks"),
            )
        )
        chosen = chosen.join(short, on="query_id", how="anti", maintain_order="left")
    still = shortage.missing(chosen, queries["query_id"], n)
    counts |= {
        "filled": len(short) - len(still) if section.on_shortage != "drop-query" else 0,
        "still_short": len(still),
    }
    chosen = in_query_order(chosen, queries["query_id"])
    removed = pl.concat(pool.removed) if pool.removed else tables.empty("removed")
    took = pairs_by_rule(section.filters, removed)
    if chosen.is_empty():
        refuse_nothing_left(
            section, len(rows), took, dict(pool.left["rule"].value_counts().iter_rows())
        )
    return (
        chosen,
        removed,
        {
            "queries": len(queries),
            "candidates": len(rows),
            "chosen": len(chosen),
            "removed": took,
            "left": dict(pool.left["rule"].value_counts(sort=True).iter_rows()),
            "shortage": counts,
            "beyond_top": beyond_top,
            "without_positive": without,
            **rules.count_unchecked(rows),
        },
    )


def queries_left(rounds: list[str]) -> pl.DataFrame:
    """query_id of the queries removed in some rounds."""
    files = [removed_table(name, stage) for name in rounds for stage in ("sample", "relabel")]
    parts = [
        tables.read("removed", file).filter(pl.col("doc_id").is_null()).select("query_id")
        for file in files
    ]
    return pl.concat([tables.empty("removed").select("query_id"), *parts]).unique()


def in_query_order(chosen: pl.DataFrame, queries: pl.Series) -> pl.DataFrame:
    """The rows grouped by query. Queries and the rows of each query keep their order."""
    order = queries.to_frame("query_id").with_row_index("place")
    return (
        chosen.join(order, on="query_id", how="inner", maintain_order="left")
        .sort("place", maintain_order=True)
        .drop("place")
    )
