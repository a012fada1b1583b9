"""Candidates beside the known positives of their query, as one scorer compares them: what rules about scores start from."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from hone.data.pair_lookup import where
from hone.data.query_groups import run_starts
from hone.errors import Refused, nearest
from hone.layout import PAIR


def compared(
    pool: pl.DataFrame, positives: pl.DataFrame, scores: pl.DataFrame, scorer: str | None, rule: str,
    *, to: Literal["lowest", "highest"] = "lowest",
) -> pl.DataFrame:  # fmt: skip
    """Every row of the pool, in its order, with its own score and that of its query's known positives.

    Args:
        pool: query_id, doc_id and more.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score.
        scorer: whose scores; null: the first that scored, which is the first dense source or the round's starting model.
        rule: who asks, for messages.
        to: which of a query's known positives is the reference.

    Returns:
        query_id, doc_id, by (the candidate's score; null where nobody gave one), reference (of the query's lowest-scored
        known positive, or of the highest; null without one). In the scorer's space: cosine for the default encoder.

    Raises:
        Refused: nobody of that name scored.
    """
    by = of_scorer(scores, scorer, rule)
    values = given_to(pl.concat([pool.select(PAIR), positives.select(PAIR)]), by)
    known = positives.select("query_id", reference=values[len(pool) :])
    of_query = pl.col("reference").min() if to == "lowest" else pl.col("reference").max()
    first = run_starts(pool["query_id"])
    asked = pl.DataFrame({"query_id": pool["query_id"].gather(first)})
    reference = asked.join(known.group_by("query_id").agg(of_query), on="query_id", how="left", maintain_order="left")["reference"]
    beside = reference.gather(np.repeat(np.arange(len(first)), np.diff(np.append(first, len(pool)))))
    return pool.select(*PAIR, by=values[: len(pool)], reference=beside)


def given_to(pairs: pl.DataFrame, by: pl.DataFrame) -> pl.Series:
    """What one scorer gave each of `pairs`; null where nothing. `by` is as `of_scorer` gives it."""
    rows = where(pairs, by)
    return pl.concat([by["by"], pl.Series("by", [None], dtype=by["by"].dtype)]).gather(np.where(rows < 0, len(by), rows))


def of_scorer(scores: pl.DataFrame, scorer: str | None, rule: str) -> pl.DataFrame:
    """query_id, doc_id and `by` of one scorer's scores. A score that is no number (NaN, infinite) is none: null."""
    names = scores["scorer"].unique(maintain_order=True).to_list()
    if not names:
        raise Refused(f"{rule} compares scores, and nobody scored this round's candidates: give the recipe a section `score`.")
    if scorer is not None and scorer not in names:
        raise Refused(f"{rule} compares by '{scorer}', which scored nothing: {nearest(scorer, names)}")
    return scores.filter(pl.col("scorer") == (scorer or names[0])).select(*PAIR, by=pl.when(pl.col("score").is_finite()).then("score"))


def rounded(column: str) -> pl.Expr:
    """A score as details of removed rows show it; `nothing` where there is none."""
    return pl.col(column).round(4).cast(pl.String).fill_null("nothing")
