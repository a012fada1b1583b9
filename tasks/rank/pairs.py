"""Training pairs of a ranker: labelled positives, candidates that are not positives, and random
documents, by seed.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.config import methods
from hone.config.sections.rank import Rank
from hone.data.labels import positives_of
from hone.data.training_set import TrainingSet
from hone.errors import Refused
from hone.layout import PAIR
from hone.lots import lots, pair_keys, query_keys
from hone.mining.random_documents import distinct
from hone.mining.rules import texts_of
from hone.seeds import generator


def training_pairs(
    labels: pl.DataFrame,
    candidates: pl.DataFrame,
    training: TrainingSet,
    section: Rank,
    guards: list[dict],
    seed: int,
    draws: str,
) -> pl.DataFrame:
    """query_id, doc_id, label: 1 for each labelled positive of a training query, 0 for its drawn
    negatives.

    Args:
        labels: all labels of the queries.
        candidates: query_id, doc_id, source, rank.
        training: queries and texts.
        section: the recipe's `rank`: negatives, random, window, draw, balance.
        guards: the filters in the recipe's `sample.filters` that keep positives, their copies and
            their chunks out of the negatives.
        seed: from params.yaml.
        draws: the random stream, from `lineage.draws_of`.

    Raises:
        Refused: there are no candidates, no positives, or no eligible negatives.
    """
    if candidates.is_empty():
        raise Refused(
            "rank needs candidates, but this round has none: the stage `retrieve` found nothing. "
            "Check the sources of the recipe."
        )
    positives = positives_of(labels).select(PAIR).unique(maintain_order=True)
    positives = positives.join(training.queries(), on="query_id", how="semi", maintain_order="left")
    if positives.is_empty():
        raise Refused("rank needs labelled positives, but no training query has one. Add labels.")
    window = section.window
    within = (
        pl.col("rank") >= window.first
        if window.last is None
        else pl.col("rank").is_between(window.first, window.last)
    )
    pool = candidates.filter(within).join(
        positives, on="query_id", how="semi", maintain_order="left"
    )
    free = guarded(pool, labels, positives, training, guards)
    if free.is_empty():
        raise Refused(
            f"rank found no negative: none of the {len(candidates):,} candidates of this round is "
            "in its window of ranks and "
            "neither a positive nor a copy of one. Retrieve deeper, or widen `rank.window`."
        )
    wanted = positives.group_by("query_id").agg(wanted=pl.len() * section.negatives)
    first = positives["doc_id"].unique() if section.balance else None
    negatives = drawn(free, wanted, section.draw, lots_of(free, section.draw, seed, draws), first)
    easy = guarded(
        at_random(positives, training, section.random, generator(seed, draws, "rank.random")),
        labels,
        positives,
        training,
        guards,
    )
    wrong = pl.concat([negatives, easy]).unique(maintain_order=True)
    both = pl.concat(
        [positives.with_columns(label=pl.lit(1.0)), wrong.with_columns(label=pl.lit(0.0))]
    )
    return both.sort("query_id", maintain_order=True)


def at_random(
    positives: pl.DataFrame, training: TrainingSet, each: int, draw: np.random.Generator
) -> pl.DataFrame:
    """query_id, doc_id: `each` random documents of the query's collection for every positive,
    without duplicate pairs.
    """
    parts = [positives.clear()]
    for collection in training:
        own = positives.join(
            collection.queries().select("query_id"),
            on="query_id",
            how="semi",
            maintain_order="left",
        )["query_id"]
        ids = collection.documents.ids
        rows = distinct(draw, len(own), len(ids), min(each, len(ids)))
        parts.append(
            pl.DataFrame(
                {
                    "query_id": own.gather(np.repeat(np.arange(len(own)), rows.shape[1])),
                    "doc_id": ids.gather(rows.ravel()),
                }
            )
        )
    return pl.concat(parts).unique(maintain_order=True)


def guarded(
    pool: pl.DataFrame,
    labels: pl.DataFrame,
    positives: pl.DataFrame,
    training: TrainingSet,
    guards: list[dict],
) -> pl.DataFrame:
    """The rows of the pool whose pair no guard removes."""
    texts = texts_of(pool, labels, training)
    for line in guards:
        guard = methods.find("sample.filters", line["method"])
        given = {
            "pool": pool.select(PAIR).unique(maintain_order=True),
            "labels": labels,
            "positives": positives,
            "texts": texts,
        }
        removed = guard(line["parameters"], **{name: given[name] for name in guard.reads})
        pool = pool.join(removed, on=PAIR, how="anti", maintain_order="left")
    return pool


def lots_of(free: pl.DataFrame, how: str, seed: int, draws: str) -> np.ndarray:
    """A random number for each candidate, [n]: for its pair, and with `even` also for its
    source, which draws from its own list.
    """
    keys = pair_keys(free)
    return lots(
        keys + query_keys(free["source"]) if how == "even" else keys, seed, draws, "rank.drawn"
    )


def drawn(
    free: pl.DataFrame,
    wanted: pl.DataFrame,
    how: str,
    lots: np.ndarray,
    first: pl.Series | None = None,
) -> pl.DataFrame:
    """query_id, doc_id of the drawn candidates, without duplicates.

    Args:
        free: query_id, doc_id, source of eligible candidates.
        wanted: query_id, wanted: the number to draw. A query with fewer candidates gets all of
            them.
        how: `union`: uniformly among a query's documents, however many sources found them. `even`:
            sources draw in turn at random from their lists, without repetition, until there are
            enough.
        lots: their random numbers, [n].
        first: doc_id of documents that are drawn before all others. Null: none.
    """
    after = ~pl.col("doc_id").is_in(first.implode()) if first is not None else pl.lit(False)
    order = free.with_columns(lot=pl.Series(lots), after=after)
    if how == "even":
        order = order.with_columns(
            turn=pl.col("lot").rank("ordinal").over("query_id", "source", "after")
        ).sort("after", "turn", "lot")
    else:
        order = order.unique(PAIR, keep="first", maintain_order=True).sort("after", "lot")
    once = order.unique(PAIR, keep="first", maintain_order=True).with_columns(
        place=pl.int_range(pl.len()).over("query_id")
    )
    return (
        once.join(wanted, on="query_id", how="inner", maintain_order="left")
        .filter(pl.col("place") < pl.col("wanted"))
        .select(PAIR)
    )
