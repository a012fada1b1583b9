"""Scores of candidates and labelled positives by one scorer, the basis of score-based rules."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from hone.data.pair_lookup import where
from hone.data.query_groups import run_starts
from hone.errors import Refused, nearest
from hone.layout import PAIR


def compared(
    pool: pl.DataFrame,
    positives: pl.DataFrame,
    scores: pl.DataFrame,
    scorer: str | None,
    rule: str,
    *,
    to: Literal["lowest", "highest"] = "lowest",
) -> pl.DataFrame:
    """Every row of the pool, in order, with its score and that of its query's labelled positives.

    Args:
        pool: query_id, doc_id and more.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score.
        scorer: the scorer. Null: the first scorer, which is the first dense source or the round's
            starting model.
        rule: name of the calling rule, for messages.
        to: which labelled positive of a query is the reference.

    Returns:
        query_id, doc_id, by (the candidate's score; null if missing), reference (score of the
        query's lowest-scored or highest-scored labelled positive; null if missing). In the scorer's
        space: cosine for the default encoder.

    Raises:
        Refused: no scorer has this name.
    """
    by = of_scorer(scores, scorer, rule)
    values = given_to(pl.concat([pool.select(PAIR), positives.select(PAIR)]), by)
    known = positives.select("query_id", reference=values[len(pool) :])
    of_query = pl.col("reference").min() if to == "lowest" else pl.col("reference").max()
    first = run_starts(pool["query_id"])
    query_ids = pl.DataFrame({"query_id": pool["query_id"].gather(first)})
    reference = query_ids.join(
        known.group_by("query_id").agg(of_query), on="query_id", how="left", maintain_order="left"
    )["reference"]
    beside = reference.gather(
        np.repeat(np.arange(len(first)), np.diff(np.append(first, len(pool))))
    )
    return pool.select(*PAIR, by=values[: len(pool)], reference=beside)


def given_to(pairs: pl.DataFrame, by: pl.DataFrame) -> pl.Series:
    """The scores of one scorer for each of `pairs`. Null if missing. `by` comes from
    `of_scorer`.
    """
    rows = where(pairs, by)
    return pl.concat([by["by"], pl.Series("by", [None], dtype=by["by"].dtype)]).gather(
        np.where(rows < 0, len(by), rows)
    )


def of_scorer(scores: pl.DataFrame, scorer: str | None, rule: str) -> pl.DataFrame:
    """query_id, doc_id and `by` for one scorer's scores. NaN and infinite scores become null."""
    names = scores["scorer"].unique(maintain_order=True).to_list()
    if not names:
        raise Refused(
            f"{rule} compares scores, but this round's candidates have none. Add a section "
            "`score` to the recipe."
        )
    if scorer is not None and scorer not in names:
        raise Refused(
            f"{rule} needs the scores of '{scorer}', which has none; {nearest(scorer, names)}"
        )
    return scores.filter(pl.col("scorer") == (scorer or names[0])).select(
        *PAIR, by=pl.when(pl.col("score").is_finite()).then("score")
    )


def rounded(column: str) -> pl.Expr:
    """A score in the details of removals. `nothing` if it is missing."""
    return pl.col(column).round(4).cast(pl.String).fill_null("nothing")
