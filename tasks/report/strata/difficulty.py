"""difficulty: the rank at which BM25 returns the first relevant document of a query.

Source: Hone default. The groups come from a ranking that is not one of the two compared. The base
model's own scores would select hard queries on which the base model was unlucky. Any other ranking,
better or not, would then gain on these and lose on the easy ones (regression to the mean; Galton
1886). BM25's chance errors are independent of those of the base model and the rounds. The groups
are not informative for a comparison with bm25 itself.
"""

from __future__ import annotations

import polars as pl

LEVELS = {
    "first": "BM25 ranks a relevant document first",
    "2 to 10": "BM25 ranks the first relevant document second to tenth",
    "11 to 100": "BM25 ranks the first relevant document 11th to 100th",
    "beyond": "BM25 ranks no relevant document among the first 100",
}
CUT_BY = "bm25"


def difficulty(right: pl.DataFrame, words: pl.DataFrame) -> pl.DataFrame:
    """A level of `LEVELS` for each query. The limits are the cutoff of nDCG@10 and the ranking
    depth (Hone default).

    Args:
        right: query_id, doc_id of every relevant document.
        words: query_id, doc_id, rank (from 1): BM25's ranking.

    Returns:
        query_id, level.
    """
    first, to_ten, to_hundred, beyond = LEVELS
    found = right.join(words, on=["query_id", "doc_id"], how="left", maintain_order="left")
    rank = pl.col("rank").min()
    return found.group_by("query_id", maintain_order=True).agg(
        level=pl.when(rank == 1)
        .then(pl.lit(first))
        .when(rank <= 10)
        .then(pl.lit(to_ten))
        .when(rank <= 100)
        .then(pl.lit(to_hundred))
        .otherwise(pl.lit(beyond))
    )
