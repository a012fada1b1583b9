"""Negative flips: queries that the starting round answered and this round no longer answers, and
all queries that got worse.

Two models of the same mean can fail different queries, which users notice (Yan et al. 2021,
"Positive-congruent training", arXiv 2011.09161, who name the negative flip). A query counts as
answered if a relevant document is among the first ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hone.compare.contrast import MEASURE, SAME, read_query_measures
from hone.data.eval_splits import evaluation_table
from hone.data.tables import read

# reciprocal rank of the first relevant document; 0 if it is not among the first ten
FIRST = "mrr_at_10"
MAX_ROWS = 10


@dataclass(frozen=True)
class Flips:
    """One round compared with its starting round, on one collection.

    Attributes:
        queries: number of evaluation queries.
        answered: number that the starting round answered.
        lost, won: numbers no longer answered, and newly answered.
        worse, better: numbers of queries with lower and higher nDCG@10.
        rows: query_id, text, before, after (nDCG@10), change, rank_before, rank_after (of the first
            relevant document; null beyond ten) of the queries that got worse: queries no longer
            answered first, then by loss.
    """

    name: str
    start: str
    collection: str
    split: str
    queries: int
    answered: int
    lost: int
    won: int
    worse: int
    better: int
    rows: list[dict]

    @property
    def lost_share(self) -> float | None:
        return self.lost / self.answered if self.answered else None


def count_all_flips(
    rounds: dict[str, dict], collections: list[str], known: list[str]
) -> list[Flips]:
    """Every round whose starting round was evaluated (is in `known`), on every collection."""
    return [
        count_flips(name, item["from"], one)
        for one in collections
        for name, item in rounds.items()
        if item["from"] in known
    ]


def count_flips(name: str, start: str, collection: str) -> Flips:
    """The changes from the starting round to the round.

    A query that only one of the two covers is skipped; this happens if an evaluation is outdated.
    """
    after = read_query_measures(name, collection)
    pairs = after.join(
        read_query_measures(start, collection),
        on="query_id",
        how="inner",
        maintain_order="left",
        suffix="_before",
    )
    pairs = pairs.with_columns(
        change=pl.col(MEASURE) - pl.col(f"{MEASURE}_before"),
        had=pl.col(f"{FIRST}_before") > SAME,
        has=pl.col(FIRST) > SAME,
    )
    counted = pairs.select(
        answered=pl.col("had").sum(),
        lost=(pl.col("had") & ~pl.col("has")).sum(),
        won=(~pl.col("had") & pl.col("has")).sum(),
        worse=(pl.col("change") < -SAME).sum(),
        better=(pl.col("change") > SAME).sum(),
    ).row(0, named=True)
    split = after["split"][0]
    return Flips(
        name,
        start,
        collection,
        split,
        len(pairs),
        **counted,
        rows=list_losses(pairs, evaluation_table(collection, "queries", split)),
    )


def list_losses(pairs: pl.DataFrame, queries: Path) -> list[dict]:
    """The queries that got worse, with their texts from a table of queries."""
    texts = read("queries", queries).select("query_id", "text")
    return (
        pairs.filter((pl.col("change") < -SAME) | (pl.col("had") & ~pl.col("has")))
        .sort(pl.col("had") & ~pl.col("has"), "change", "query_id", descending=[True, False, False])
        .head(MAX_ROWS)
        .join(texts, on="query_id", how="left", maintain_order="left")
        .select(
            "query_id",
            "text",
            "change",
            before=f"{MEASURE}_before",
            after=MEASURE,
            rank_before=invert_reciprocal(f"{FIRST}_before"),
            rank_after=invert_reciprocal(FIRST),
        )
        .to_dicts()
    )


def invert_reciprocal(name: str) -> pl.Expr:
    """The rank of the first relevant document from its reciprocal; null if there is none."""
    return pl.when(pl.col(name) > SAME).then((1 / pl.col(name)).round(0).cast(pl.Int32))
