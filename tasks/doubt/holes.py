"""What unjudged documents hide: how much of a ranking nobody has judged, and how far a difference could move if somebody did.

Rank-biased precision (Moffat and Zobel 2008) is linear in what documents are worth, so that the least and the most that a
difference can be is exact: the worst case over all judgments that are still to be made.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tasks.evaluate.measures import DEPTH

PATIENCE = 0.8  # the chance that a reader goes on to the next document; Moffat and Zobel's middle value
FIRST = 10
PAIR = ["query_id", "doc_id"]


@dataclass(frozen=True)
class Seen:
    """How much of a ranking is judged, in the mean over the judged queries.

    Attributes:
        judged: share of the first ten documents that are judged.
        least: rank-biased precision with every unjudged document taken for wrong.
        residual: what is added to it if every unjudged one is right.
    """

    judged: float
    least: float
    residual: float


@dataclass(frozen=True)
class Bounds:
    """The difference of two rankings in rank-biased precision, in the mean over queries.

    Attributes:
        observed: with every unjudged document taken for wrong.
        low, high: the least and the most that it can be, whatever the unjudged ones are.
        unjudged: unjudged documents which the two rank differently.
    """

    observed: float
    low: float
    high: float
    unjudged: int

    @property
    def open(self) -> bool:
        """Whether what nobody has judged could turn its sign."""
        return self.low < 0 < self.high


def seen(run: pl.DataFrame, qrels: pl.DataFrame, min_relevance: int = 1) -> Seen:
    """How much of a ranking is judged.

    Args:
        run: query_id, doc_id, rank from 1.
        qrels: query_id, doc_id, relevance. Queries without any are not counted.
        min_relevance: the grade from which on a document is right.
    """
    queries = qrels["query_id"].n_unique()
    rows = worth(run, qrels, min_relevance)
    first = rows.filter(pl.col("rank") <= FIRST)
    return Seen(
        judged=float(first["gain"].is_not_null().mean() or 0.0),
        least=float((rows["gain"].fill_null(0) * rows["weight"]).sum()) / queries,
        residual=float(rows.filter(pl.col("gain").is_null())["weight"].sum()) / queries,
    )


def bounds(one: pl.DataFrame, other: pl.DataFrame, qrels: pl.DataFrame, min_relevance: int = 1) -> Bounds:
    """What `other` gives more than `one`, and how far that could move.

    Args:
        one, other: query_id, doc_id, rank from 1.
        qrels: query_id, doc_id, relevance.
        min_relevance: the grade from which on a document is right.
    """
    queries = qrels["query_id"].n_unique()
    before, after = (worth(run, qrels, min_relevance) for run in (one, other))
    both = before.join(after, on=PAIR, how="full", coalesce=True, suffix="_after").with_columns(
        gain=pl.coalesce("gain", "gain_after"),
        more=pl.col("weight_after").fill_null(0) - pl.col("weight").fill_null(0),
    )
    observed = float((both["gain"].fill_null(0) * both["more"]).sum())
    unjudged = both.filter(pl.col("gain").is_null() & (pl.col("more") != 0))
    less, more = (float(unjudged.filter(way)["more"].sum()) for way in (pl.col("more") < 0, pl.col("more") > 0))
    return Bounds(
        observed=observed / queries,
        low=(observed + less) / queries,
        high=(observed + more) / queries,
        unjudged=len(unjudged),
    )


def worth(run: pl.DataFrame, qrels: pl.DataFrame, min_relevance: int) -> pl.DataFrame:
    """query_id, doc_id, rank, weight, and gain: 1, 0, or null where nobody has judged it; of judged queries.

    What lies beyond the ranks that an evaluation writes weighs .8 ** 100.
    """
    judged = qrels.select(*PAIR, gain=(pl.col("relevance") >= min_relevance).cast(pl.Float64)).unique(PAIR)
    return (
        run.filter(pl.col("rank") <= DEPTH)
        .join(qrels.select("query_id").unique(), on="query_id", how="semi", maintain_order="left")
        .join(judged, on=PAIR, how="left", maintain_order="left")
        .select(*PAIR, "rank", "gain", weight=(1 - PATIENCE) * PATIENCE ** (pl.col("rank") - 1).cast(pl.Float64))
    )


def judged_wrong(qrels: pl.DataFrame, min_relevance: int = 1) -> int:
    """How many documents people have judged not to be right."""
    return len(qrels.filter(pl.col("relevance") < min_relevance))
