"""click-policy: removes documents that users clicked although they are unlabelled (after
Hofstaetter et al., TripClick baselines).

"Establishing Strong Baselines for TripClick Health Retrieval" cleans noisy training data by "a
simple negative sampling policy" (abstract). It draws negatives from BM25's first 200 without
clicked documents. The original data used results that were shown but not clicked (unverified).
`skipped-above` is Joachims (2002): a user who clicked at a rank has probably seen and skipped the
results above it.

Positives by clicks are the collection's own labels. If its qrels are clicks, `min_relevance` sets
how many make a positive.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import Field

from hone.data import user_tables
from hone.data.id_namespace import refuse_ambiguous
from hone.data.pair_lookup import where
from hone.data.tables import prefixed
from hone.data.training_set import TrainingSet
from hone.errors import Refused
from hone.layout import PAIR

FILE_COLUMNS = ("query_id", "doc_id", "clicked")
NUMBERS = ("rank", "shown")


def click_policy(
    pool: pl.DataFrame,
    training: TrainingSet,
    *,
    file: str,
    policy: Literal["clicked", "skipped-above"] = "clicked",
    minimum: Annotated[float, Field(ge=0, le=1)] = 0.0,
    ids_of: str | None = None,
) -> pl.DataFrame:
    """Pairs that were clicked, or, with `skipped-above`, pairs without evidence of a skip.

    Args:
        pool: query_id, doc_id.
        training: the training set, for the collections of the log's ids.
        file: a file below inputs/ (Parquet, CSV, JSON Lines): query_id, doc_id, clicked (a count,
            or true and false), one or more rows for each shown document. Optional: `rank` of
            display, `shown` (number of times; default: once per row), `session` if one query has
            several result lists.
        policy: `clicked` removes clicked documents. `skipped-above` also removes those not shown
            above a click. [Hone default]
        minimum: minimum click-through rate (clicks per display) of a clicked document. 0: any click
            counts. [Hone default]
        ids_of: the training collection of the file's ids, if several have equal ids. Null: any
            collection. Use another line with another file for another collection. [Hone default]

    Returns:
        query_id, doc_id, detail.

    Raises:
        Refused: two collections have a query of the log, it has no line for any training query,
            there are more clicks than displays, or `rank` is missing although the policy needs it.
    """
    log = read(Path(file), policy)
    refuse_ambiguous(file, log["query_id"], "query", ids_of, training)
    prefixes = [collection.prefix for collection in training if ids_of in (None, collection.name)]
    logged = pl.concat([log.with_columns(prefixed(prefix, *PAIR)) for prefix in prefixes])
    queries = training.queries()["query_id"]
    if not logged["query_id"].is_in(queries.implode()).any():
        raise Refused(
            f"{file} has no line for any training query. Its first query is "
            f"'{log['query_id'][0]}', but the first training query "
            f"is '{queries[0]}'."
        )
    ours = logged.join(
        pool.select("query_id").unique(), on="query_id", how="semi", maintain_order="left"
    )
    clicks = (
        ours.group_by(PAIR, maintain_order=True)
        .agg(pl.col("clicked").sum(), pl.col("shown").sum())
        .filter((pl.col("clicked") > 0) & (pl.col("clicked") / pl.col("shown") >= minimum))
    )
    at = where(clicks, pool)
    clicked = clicks.filter(pl.Series(at >= 0)).select(
        *PAIR,
        detail=pl.format(
            "clicked {} of {} times",
            pl.col("clicked").cast(pl.Int64),
            pl.col("shown").cast(pl.Int64),
        ),
    )
    if policy == "clicked":
        return clicked
    stays = np.zeros(len(pool), dtype=bool)
    passed_over = where(skipped(ours), pool)
    stays[passed_over[passed_over >= 0]] = True
    stays[at[at >= 0]] = True  # already removed because of a click
    return pl.concat(
        [
            clicked,
            pool.select(PAIR)
            .filter(pl.Series(~stays))
            .with_columns(detail=pl.lit("was not shown above a click")),
        ]
    )


def skipped(log: pl.DataFrame) -> pl.DataFrame:
    """query_id and doc_id of documents shown, but not clicked, above a click in the same list."""
    list_keys = ["query_id", *(["session"] if "session" in log.columns else [])]
    last = log.filter(pl.col("clicked") > 0).group_by(list_keys).agg(last=pl.col("rank").max())
    above = (
        log.filter(pl.col("clicked") == 0)
        .join(last, on=list_keys, how="inner")
        .filter(pl.col("rank") < pl.col("last"))
    )
    return above.select(PAIR).unique()


def read(file: Path, policy: str) -> pl.DataFrame:
    """The log: query_id, doc_id, clicked, shown, and rank and session if present.

    Raises:
        Refused: see `hone.data.user_tables.read`. Also: missing ranks, a count below 0, or more
            clicks than displays.
    """
    columns = user_tables.columns(file)
    ids = ("query_id", "doc_id", *(["session"] if "session" in columns else []))
    if policy == "skipped-above" and "rank" not in columns:
        raise Refused(
            f"{file} has no column `rank`, which `policy: skipped-above` needs. Add it, or set "
            "`policy: clicked`."
        )
    user_tables.need(file, FILE_COLUMNS)
    log = user_tables.read(file, ids, ("clicked", *NUMBERS))
    if "shown" not in log.columns:
        log = log.with_columns(shown=pl.max_horizontal("clicked", 1.0))
    wrong = log.filter((pl.col("clicked") < 0) | (pl.col("shown") < pl.col("clicked")))
    if len(wrong):
        row = wrong.row(0, named=True)
        raise Refused(
            f"{file}, row {row['row']:,}: {row['clicked']:g} clicks of {row['shown']:g} displays "
            "is impossible. Correct the row."
        )
    return log


def refuse_unfit(parameters: dict) -> None:
    """Raise Refused if ranks are missing although needed. `resolve` checks the file's other
    columns.
    """
    file = Path(parameters["file"])
    if (
        file.is_file()
        and parameters["policy"] == "skipped-above"
        and "rank" not in user_tables.columns(file)
    ):
        raise Refused(
            f"{file} has no column `rank`, which `policy: skipped-above` needs. Add it, or set "
            "`policy: clicked`."
        )
