"""difficulty: how far down BM25 ranks the first right answer of a query.

Source: ours. A query is called hard by a ranking that is neither of the two that are compared. Cut by the base model's own
scores, the hard queries would hold those on which the base was unlucky: any other ranking, better or not, would gain there and lose
among the easy ones (regression to the mean; Galton 1886). What BM25 gets wrong by chance is no chance of the base or a round.
It is one of the two where bm25 itself is compared; then it says nothing.
"""

from __future__ import annotations

import polars as pl

LEVELS = {
    "first": "BM25 ranks a right answer first",
    "2 to 10": "BM25 ranks the first right answer second to tenth",
    "11 to 100": "BM25 ranks the first right answer 11th to 100th",
    "beyond": "BM25 ranks no right answer among the first 100",
}
CUT_BY = "bm25"


def difficulty(right: pl.DataFrame, words: pl.DataFrame) -> pl.DataFrame:
    """A level of `LEVELS` for each query. The bounds are those of nDCG@10 and of the depth that is ranked (ours).

    Args:
        right: query_id, doc_id of every right answer.
        words: query_id, doc_id, rank (from 1): BM25's ranking.

    Returns:
        query_id, level.
    """
    first, to_ten, to_hundred, beyond = LEVELS
    found = right.join(words, on=["query_id", "doc_id"], how="left", maintain_order="left")
    rank = pl.col("rank").min()
    return found.group_by("query_id", maintain_order=True).agg(
        level=pl.when(rank == 1).then(pl.lit(first))
        .when(rank <= 10).then(pl.lit(to_ten))
        .when(rank <= 100).then(pl.lit(to_hundred))
        .otherwise(pl.lit(beyond))
    )  # fmt: skip
