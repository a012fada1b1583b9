"""Pairs with known truth for measuring a judge: labelled positives, judged negatives, held-out
positives, random documents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from hone.data.labels import positives_of
from hone.layout import PAIR
from hone.seeds import unit_hashes

TRUTH = {"known": True, "hidden": True, "not-relevant": False, "random": False}
ROWS = {"query_id": pl.String, "doc_id": pl.String, "set": pl.String, "truth": pl.Boolean}


@dataclass(frozen=True)
class PairSets:
    """The pairs to judge, and the positives shown with them.

    Attributes:
        pairs: query_id, doc_id, set, truth; without duplicates, each query's together.
        shown_positives: query_id, doc_id of labelled positives that a prompt may show; none of
            them is in `pairs`.
        left_out: number of pairs that could not be judged, by reason.
    """

    pairs: pl.DataFrame
    shown_positives: pl.DataFrame
    left_out: dict[str, int]


def pair_sets(
    labels: pl.DataFrame,
    hidden: pl.DataFrame,
    ids: pl.Series,
    most: int,
    seed: int,
    first: pl.DataFrame | None = None,
) -> PairSets:
    """Draw each set, spread over as many queries as possible.

    A labelled positive is judged only if the query has another to show. At most half of a query's
    positives are judged, so that prompts resemble those of a round.

    Args:
        labels: query_id, doc_id, label (positive, negative: judged not relevant, unknown), of one
            split.
        hidden: query_id, doc_id of held-out positives.
        ids: of all documents that have a text.
        most: pairs per set.
        seed: of the draw; the same seed with a larger `most` draws the same pairs and more.
        first: query_id, doc_id of preferred labelled positives, such as those that people have
            judged.

    Returns:
        The sets.
    """
    texts = pl.DataFrame({"doc_id": ids})
    with_text = labels.join(texts, on="doc_id", how="semi", maintain_order="left")
    positives = positives_of(with_text).select(PAIR)
    hidden = (
        hidden.select(PAIR)
        .unique(maintain_order=True)
        .join(positives, on=PAIR, how="anti", maintain_order="left")
    )
    ordered = in_order(positives, seed, first)
    count = (
        ordered.select(pl.len().over("query_id"))["len"]
        if len(ordered)
        else pl.Series([], dtype=pl.UInt32)
    )
    askable = ordered.filter(pl.col("place") < count // 2)
    known = spread(askable, most)
    shown_positives = positives.join(known, on=PAIR, how="anti", maintain_order="left")
    answerable = shown_positives.select("query_id").unique(maintain_order=True)

    def drawn(pairs: pl.DataFrame) -> pl.DataFrame:
        fit = pairs.select(PAIR).join(answerable, on="query_id", how="semi", maintain_order="left")
        return spread(
            in_order(fit.join(texts, on="doc_id", how="semi", maintain_order="left"), seed), most
        )

    not_relevant = with_text.filter(pl.col("label") == "negative")
    sets = {"known": known, "hidden": drawn(hidden), "not-relevant": drawn(not_relevant)}
    taken = pl.concat([labels.select(PAIR), hidden])
    sets["random"] = random_pairs(answerable["query_id"], ids, taken, most, seed)
    rows = pl.concat(
        [
            frame.select(*PAIR, set=pl.lit(name), truth=pl.lit(TRUTH[name]))
            for name, frame in sets.items()
        ]
    )
    alone = int(count.eq(1).sum())
    unanswerable = not_relevant.join(answerable, on="query_id", how="anti")
    return PairSets(
        rows.unique(PAIR, keep="first", maintain_order=True)
        .sort("query_id", maintain_order=True)
        .cast(ROWS),
        shown_positives,
        {
            "labelled positives that are their query's only one": alone,
            "pairs judged not relevant whose query has no labelled positive": len(unanswerable),
            "labels on documents without a text": len(labels) - len(with_text),
        },
    )


def in_order(pairs: pl.DataFrame, seed: int, first: pl.DataFrame | None = None) -> pl.DataFrame:
    """`pairs` with `hash`, in [0, 1), and `place`: the pair's position in its query by hash
    (pairs of `first` come first), from 0.
    """
    keys = (pairs["query_id"] + "\t" + pairs["doc_id"]).to_list()
    hashed = pairs.with_columns(
        hash=pl.Series(unit_hashes(keys, seed), dtype=pl.Float64), later=pl.lit(1, dtype=pl.Int32)
    )
    if first is not None:
        preferred = first.select(*PAIR, preferred=pl.lit(True)).unique()
        found = hashed.join(preferred, on=PAIR, how="left", maintain_order="left")
        hashed = found.with_columns(later=pl.col("preferred").is_null().cast(pl.Int32)).drop(
            "preferred"
        )
    return hashed.sort("later", "hash").with_columns(place=pl.int_range(pl.len()).over("query_id"))


def spread(ordered: pl.DataFrame, most: int) -> pl.DataFrame:
    """The first `most` pairs: every query's first pair before any query's second."""
    return ordered.sort("place", "later", "hash").head(most).select(PAIR)


def random_pairs(
    queries: pl.Series, ids: pl.Series, taken: pl.DataFrame, most: int, seed: int
) -> pl.DataFrame:
    """Queries with documents drawn from the whole collection, except those in `taken`."""
    if not len(queries) or not len(ids):
        return taken.select(PAIR).clear()
    order = queries.gather(np.argsort(unit_hashes(queries.to_list(), seed), kind="stable"))
    turns = -(-2 * most // len(order))
    pool = pl.concat(
        [order.to_frame("query_id").with_columns(turn=pl.lit(turn)) for turn in range(turns)]
    ).head(2 * most)
    keys = (pool["query_id"] + "\t" + pool["turn"].cast(pl.String)).to_list()
    drawn = (unit_hashes(keys, seed) * len(ids)).astype(np.int64)
    return (
        pool.with_columns(doc_id=ids.gather(drawn))
        .select(PAIR)
        .unique(PAIR, keep="first", maintain_order=True)
        .join(taken, on=PAIR, how="anti", maintain_order="left")
        .head(most)
    )
