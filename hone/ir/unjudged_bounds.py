"""Effect of unjudged documents: the judged fraction of a ranking, and the bounds of a difference
over all possible judgments.

Rank-biased precision (Moffat and Zobel 2008) is linear in the relevance of documents. The minimum
and maximum of a difference are therefore exact: the worst cases over all missing judgments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from hone.ir.measures import DEPTH
from hone.layout import PAIR

QUERIES_PER_BLOCK = 5_000

PATIENCE = (
    0.8  # probability that a reader continues to the next document; Moffat and Zobel's middle value
)
FIRST = 10


@dataclass(frozen=True)
class Seen:
    """The judged part of a ranking, averaged over the judged queries.

    Attributes:
        judged: fraction of the first ten documents that are judged.
        least: rank-biased precision if every unjudged document is not relevant.
        residual: the increase if every unjudged document is relevant.
    """

    judged: float
    least: float
    residual: float


@dataclass(frozen=True)
class Bounds:
    """The difference of two rankings in rank-biased precision, averaged over queries.

    Attributes:
        observed: the difference if every unjudged document is not relevant.
        low, high: minimum and maximum over all possible judgments.
        unjudged: unjudged documents that the two rank differently.
    """

    observed: float
    low: float
    high: float
    unjudged: int

    @property
    def open(self) -> bool:
        """Whether unjudged documents could reverse the sign."""
        return self.low < 0 < self.high


def seen(run: pl.DataFrame, qrels: pl.DataFrame, min_relevance: int = 1) -> Seen:
    """The judged part of a ranking.

    Args:
        run: query_id, doc_id, rank from 1.
        qrels: query_id, doc_id, relevance. Queries without labels are excluded.
        min_relevance: the lowest relevance grade of a relevant document.
    """
    queries, judged = qrels["query_id"].n_unique(), pl.col("gain").is_not_null()
    first = pl.col("rank") <= FIRST
    sums = pl.concat(
        worth(part, own, min_relevance).select(
            first=first.sum(),
            judged=(first & judged).sum(),
            least=(pl.col("gain").fill_null(0) * pl.col("weight")).sum(),
            residual=pl.col("weight").filter(~judged).sum(),
        )
        for own, part in in_blocks(qrels, run)
    ).sum()
    [total] = sums.to_dicts()
    return Seen(
        total["judged"] / max(total["first"], 1),
        total["least"] / queries,
        total["residual"] / queries,
    )


def bounds(
    one: pl.DataFrame, other: pl.DataFrame, qrels: pl.DataFrame, min_relevance: int = 1
) -> Bounds:
    """The gain of `other` over `one`, and its bounds.

    Args:
        one, other: query_id, doc_id, rank from 1.
        qrels: query_id, doc_id, relevance.
        min_relevance: the lowest relevance grade of a relevant document.
    """
    queries = qrels["query_id"].n_unique()
    more, open_ = pl.col("more"), pl.col("gain").is_null() & (pl.col("more") != 0)
    sums = pl.concat(
        between(*(worth(part, own, min_relevance) for part in parts)).select(
            observed=(pl.col("gain").fill_null(0) * more).sum(),
            less=more.filter(open_ & (more < 0)).sum(),
            more=more.filter(open_ & (more > 0)).sum(),
            unjudged=open_.sum(),
        )
        for own, *parts in in_blocks(qrels, one, other)
    ).sum()
    [total] = sums.to_dicts()
    return Bounds(
        observed=total["observed"] / queries,
        low=(total["observed"] + total["less"]) / queries,
        high=(total["observed"] + total["more"]) / queries,
        unjudged=total["unjudged"],
    )


def between(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """gain, and `more`: the additional weight of each document in the second ranking."""
    both = before.join(after, on=PAIR, how="full", coalesce=True, suffix="_after")
    return both.select(
        gain=pl.coalesce("gain", "gain_after"),
        more=pl.col("weight_after").fill_null(0) - pl.col("weight").fill_null(0),
    )


def in_blocks(qrels: pl.DataFrame, *runs: pl.DataFrame) -> Iterator[list[pl.DataFrame]]:
    """Qrels and rankings of judged queries in blocks, so intermediate results stay small."""
    block = pl.col("place") // QUERIES_PER_BLOCK
    blocks = (
        qrels.select("query_id")
        .unique(maintain_order=True)
        .with_row_index("place")
        .select("query_id", block=block)
    )
    tables = [qrels, *runs]
    places = [
        one.select("query_id").join(blocks, on="query_id", how="left", maintain_order="left")[
            "block"
        ]
        for one in tables
    ]
    for number in blocks["block"].unique().sort():
        yield [one.filter(place == number) for one, place in zip(tables, places, strict=True)]


def worth(run: pl.DataFrame, qrels: pl.DataFrame, min_relevance: int) -> pl.DataFrame:
    """query_id, doc_id, rank, weight, and gain of judged queries: 1, 0, or null if unjudged.

    Documents beyond the ranks of an evaluation have the total weight 0.8 ** 100.
    """
    judged = qrels.select(
        *PAIR, gain=(pl.col("relevance") >= min_relevance).cast(pl.Float64)
    ).unique(PAIR)
    return (
        run.filter(pl.col("rank") <= DEPTH)
        .join(qrels.select("query_id").unique(), on="query_id", how="semi", maintain_order="left")
        .join(judged, on=PAIR, how="left", maintain_order="left")
        .select(
            *PAIR,
            "rank",
            "gain",
            weight=(1 - PATIENCE) * PATIENCE ** (pl.col("rank") - 1).cast(pl.Float64),
        )
    )


def judged_wrong(qrels: pl.DataFrame, min_relevance: int = 1) -> int:
    """The number of documents judged not relevant."""
    return len(qrels.filter(pl.col("relevance") < min_relevance))
