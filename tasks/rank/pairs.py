"""Which pairs a ranker is trained on: known positives, candidates that nobody knows to be right, and documents at random; by seed."""

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
    labels: pl.DataFrame, candidates: pl.DataFrame, training: TrainingSet, section: Rank, guards: list[dict], seed: int, draws: str
) -> pl.DataFrame:
    """query_id, doc_id, label: 1 for each known positive of a training query, 0 for what was drawn against it.

    Args:
        labels: all that is known of the queries.
        candidates: query_id, doc_id, source, rank.
        training: queries and texts.
        section: the recipe's `rank`: negatives, random, window, draw, balance.
        guards: those of the recipe's `sample.filters` that let no known answer, nor a copy or a part of one, become a negative.
        seed: from params.yaml.
        draws: what is drawn for, as `lineage.draws_of` has it.

    Raises:
        Refused: there are no candidates, no positives, or no candidate that may be a negative.
    """
    if candidates.is_empty():
        raise Refused("rank learns from candidates, and this round has none: the stage `retrieve` found nothing.")
    positives = positives_of(labels).select(PAIR).unique(maintain_order=True)
    positives = positives.join(training.queries(), on="query_id", how="semi", maintain_order="left")
    if positives.is_empty():
        raise Refused("rank learns from known positives, and no training query has one.")
    window = section.window
    within = pl.col("rank") >= window.first if window.last is None else pl.col("rank").is_between(window.first, window.last)
    pool = candidates.filter(within).join(positives, on="query_id", how="semi", maintain_order="left")
    free = guarded(pool, labels, positives, training, guards)
    if free.is_empty():
        raise Refused(
            f"rank found no negative: of the {len(candidates):,} candidates of this round none is in its window of ranks and not known to "
            "be right, or a copy of what is. Retrieve deeper, or widen `rank.window`."
        )
    wanted = positives.group_by("query_id").agg(wanted=pl.len() * section.negatives)
    first = positives["doc_id"].unique() if section.balance else None
    negatives = drawn(free, wanted, section.draw, lots_of(free, section.draw, seed, draws), first)
    easy = guarded(
        at_random(positives, training, section.random, generator(seed, draws, "rank.random")), labels, positives, training, guards
    )
    wrong = pl.concat([negatives, easy]).unique(maintain_order=True)
    both = pl.concat([positives.with_columns(label=pl.lit(1.0)), wrong.with_columns(label=pl.lit(0.0))])
    return both.sort("query_id", maintain_order=True)


def at_random(positives: pl.DataFrame, training: TrainingSet, each: int, draw: np.random.Generator) -> pl.DataFrame:
    """query_id, doc_id: for every positive `each` documents of its query's collection, uniformly; of equal pairs one."""
    parts = [positives.clear()]
    for collection in training:
        own = positives.join(collection.queries().select("query_id"), on="query_id", how="semi", maintain_order="left")["query_id"]
        ids = collection.documents.ids
        rows = distinct(draw, len(own), len(ids), min(each, len(ids)))
        parts.append(
            pl.DataFrame({"query_id": own.gather(np.repeat(np.arange(len(own)), rows.shape[1])), "doc_id": ids.gather(rows.ravel())})
        )
    return pl.concat(parts).unique(maintain_order=True)


def guarded(pool: pl.DataFrame, labels: pl.DataFrame, positives: pl.DataFrame, training: TrainingSet, guards: list[dict]) -> pl.DataFrame:
    """The rows of the pool whose pair no guard takes out."""
    texts = texts_of(pool, labels, training)
    for line in guards:
        guard = methods.find("sample.filters", line["method"])
        given = {"pool": pool.select(PAIR).unique(maintain_order=True), "labels": labels, "positives": positives, "texts": texts}
        gone = guard(line["parameters"], **{name: given[name] for name in guard.reads})
        pool = pool.join(gone, on=PAIR, how="anti", maintain_order="left")
    return pool


def lots_of(free: pl.DataFrame, how: str, seed: int, draws: str) -> np.ndarray:
    """A lot of each candidate, [n]: of its pair, and with `even` of its source too, for each source draws from its own list."""
    keys = pair_keys(free)
    return lots(keys + query_keys(free["source"]) if how == "even" else keys, seed, draws, "rank.drawn")


def drawn(free: pl.DataFrame, wanted: pl.DataFrame, how: str, lots: np.ndarray, first: pl.Series | None = None) -> pl.DataFrame:
    """query_id, doc_id of the candidates that are drawn, each once.

    Args:
        free: query_id, doc_id, source of candidates that may be negatives.
        wanted: query_id, wanted: how many; a query with fewer has all of its own drawn.
        how: `union`: every document of a query alike, however many sources found it. `even`: the sources give in turn, each one
            of its list at random, until there are enough; what one gives no other gives again.
        lots: by which they are drawn, [n].
        first: doc_id of documents that are drawn before all others; null: none.
    """
    after = ~pl.col("doc_id").is_in(first.implode()) if first is not None else pl.lit(False)
    order = free.with_columns(lot=pl.Series(lots), after=after)
    if how == "even":
        order = order.with_columns(turn=pl.col("lot").rank("ordinal").over("query_id", "source", "after")).sort("after", "turn", "lot")
    else:
        order = order.unique(PAIR, keep="first", maintain_order=True).sort("after", "lot")
    once = order.unique(PAIR, keep="first", maintain_order=True).with_columns(place=pl.int_range(pl.len()).over("query_id"))
    return once.join(wanted, on="query_id", how="inner", maintain_order="left").filter(pl.col("place") < pl.col("wanted")).select(PAIR)
