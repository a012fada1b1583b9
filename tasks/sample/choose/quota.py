"""quota: a fraction of the negatives from each source (Decorte et al., Design of Negative Sampling
Strategies for Skill Extraction).

According to the abstract, the paper combines three strategies: random, similar, same part of a
taxonomy. It tunes them on a small validation set. Here the recipe sets the fractions. To tune them,
write a recipe for each setting and compare them on dev queries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import AfterValidator, Field

from hone.data.pair_lookup import where
from hone.data.query_groups import Segments
from hone.errors import Refused, nearest
from hone.lots import lots, pair_keys, query_keys, unit
from hone.stage import say

ADDED_LATER = {"order": "best"}  # with this value the sampler works as before the parameter existed


def whole(shares: dict[str, float]) -> dict[str, float]:
    """Return the shares unchanged.

    Raises:
        ValueError: there are none, one is not above 0, or they do not sum to 1.
    """
    total = math.fsum(shares.values())
    if not shares or min(shares.values()) <= 0 or abs(total - 1) > 1e-6:
        raise ValueError(
            f"the shares {shares} must each be above 0 and sum to 1, but they sum to {total:g}"
        )
    return shares


def quota(
    pool: pl.DataFrame,
    candidates: pl.DataFrame,
    draws: str,
    *,
    seed: int,
    shares: Annotated[dict[str, float], AfterValidator(whole)],
    order: Literal["best", "random"] = "best",
    n: Annotated[int, Field(ge=1)] = 4,
) -> pl.DataFrame:
    """`n` candidates of every query, with the given fraction from each source.

    Each source gets n times its share, rounded. Remaining places go to the largest remainders, with
    ties broken at random for each query. A document from several sources uses a place of the first
    of them, in the order of `shares`, that has one left. Places that a source cannot fill go to the
    first remaining candidates of the named sources, in the same order. Their number is logged.

    Args:
        pool: query_id, doc_id, source, rank, score, each query's rows together and in order.
        candidates: the same for all candidates, one row for each source that found a pair.
        draws: the random stream. Rounds with the same start round share it.
        seed: from params.yaml.
        shares: the fraction of each source, by the name of its candidates (`dense`,
            `neighbour-bands:hard`), or of all sources of a method by the method's name (`siblings`
            for `siblings:column=module`). They sum to 1.
        order: the best ranks of a source, or candidates drawn at random. [Hone default]
        n: negatives per query. [Hone default]

    Returns:
        query_id, doc_id, source (whose place is used), rank and score (of that source). They are
        shuffled, so the expected fractions also hold for the first ones.
    """
    segments, keys = Segments.of(pool), pair_keys(pool)
    drawn = (
        lots(keys, seed, draws, "sample.choose.quota", "candidates", bits=32)
        if order == "random"
        else None
    )
    found = numbered(pool, candidates, list(shares), drawn)
    queries, heads = len(segments), query_keys(pool["query_id"].gather(segments.starts))
    of_query = [
        unit(lots(heads, seed, draws, "sample.choose.quota", "places", name)) for name in shares
    ]
    places = seats(list(shares.values()), n, np.column_stack(of_query))
    mixing = unit(lots(keys, seed, draws, "sample.choose.quota", "order"))
    free, chosen, along = np.ones(len(pool), dtype=bool), [], []
    for number in range(len(shares)):
        own = found.of(found.key == number, free).first(places[:, number])
        free[own.row] = False
        chosen.append(own)
        mixed = mixing[
            own.row
            # the smallest number of a query goes to the source's best: shuffled, but each source in
            # its own order
        ]
        along.append(mixed[np.lexsort((mixed, own.query))])
    taken = sum(len(own.row) for own in chosen)
    have = np.bincount(np.concatenate([own.query for own in chosen]), minlength=queries)
    more = found.of(True, free).first(n - have)
    if short := n * queries - taken:
        say(
            f"quota: sources lacked {short:,} of {n * queries:,} candidates; other named sources "
            f"filled {len(more.row):,} of them"
        )
    query = np.concatenate([part.query for part in (*chosen, more)])
    together = np.lexsort((np.concatenate([*along, 1.0 + np.arange(len(more.row))]), query))
    return candidates[
        np.concatenate([part.candidate for part in (*chosen, more)])[together]
    ].select(pool.columns)


@dataclass(frozen=True)
class Found:
    """Remaining candidates, by query and in order, as arrays [rows]: their rows among all
    candidates and in the pool, their query numbers, and the share they belong to.
    """

    candidate: np.ndarray
    row: np.ndarray
    query: np.ndarray
    key: np.ndarray

    def at(self, rows: np.ndarray) -> Found:
        return Found(self.candidate[rows], self.row[rows], self.query[rows], self.key[rows])

    def of(self, some: np.ndarray | bool, free: np.ndarray) -> Found:
        """The rows whose pair is still free, without duplicate pairs."""
        left = self.at(np.flatnonzero(free[self.row] & some))
        once = np.unique(left.row, return_index=True)[1]
        return left if len(once) == len(left.row) else left.at(np.sort(once))

    def first(self, places: np.ndarray) -> Found:
        """The first rows of each query, as many as given."""
        place = np.arange(len(self.query)) - np.searchsorted(self.query, self.query)
        return self.at(np.flatnonzero(place < places[self.query]))


def numbered(
    pool: pl.DataFrame, candidates: pl.DataFrame, shares: list[str], drawn: np.ndarray | None
) -> Found:
    """The remaining candidates with a share, by rank, or by random numbers of the pool's pairs,
    [rows] of 32 bits.
    """
    keys = {
        source: shares.index(key)
        for source in candidates["source"].unique()
        if (key := key_of(source, shares))
    }
    key = candidates["source"].replace_strict(keys, default=-1, return_dtype=pl.Int32).to_numpy()
    row = where(candidates, pool)
    here = np.flatnonzero((row >= 0) & (key >= 0))
    bounds = Segments.of(pool).bounds
    query = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))[row[here]]
    within = (
        candidates["rank"].to_numpy()[here] if drawn is None else drawn[row[here]].astype(np.int64)
    )
    order = np.argsort((query << 32) + within, kind="stable")
    return Found(here[order], row[here][order], query[order], key[here][order])


def key_of(source: str, shares: list[str]) -> str | None:
    """The name under which a source has a share: its own, or its method's. Null if it has none."""
    return next((name for name in (source, source.partition(":")[0]) if name in shares), None)


def seats(shares: list[float], n: int, drawn: np.ndarray) -> np.ndarray:
    """The number of places of each source: [queries, sources]. Each row sums to n, and each entry
    is its share of n, rounded up or down.

    Args:
        shares: fractions that sum to 1.
        n: number of places.
        drawn: [queries, sources] random numbers from 0 to 1, which break ties of remainders.
    """
    exact = np.round(np.asarray(shares) * n, 9)
    down = np.floor(exact).astype(np.int64)
    order = np.lexsort((drawn, np.broadcast_to(-np.round(exact - down, 9), drawn.shape)), axis=1)
    more = np.zeros(drawn.shape, dtype=np.int64)
    np.put_along_axis(more, order[:, : n - int(down.sum())], 1, axis=1)
    return down + more


def fits(parameters: dict, sources: list[str]) -> None:
    """Raise Refused if a share names a source that the recipe lacks, or a source has no share."""
    shares = list(parameters["shares"])
    for name in shares:
        if name not in [key_of(source, shares) for source in sources]:
            raise Refused(
                f"quota has a share for '{name}', which is not a source of the recipe; "
                f"{nearest(name, sources)}"
            )
    if without := [source for source in sources if key_of(source, shares) is None]:
        raise Refused(
            f"quota has no share for '{without[0]}', which is a source of the recipe. Add a "
            "share, or remove the source."
        )
