"""Labels from verdicts: the action on each judged negative.

Errors differ in cost: dropping a true negative is nearly free, but promoting a wrong document harms
its query.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hone.config.sections.relabel import Band
from hone.data import tables
from hone.data.pair_lookup import ROWS_AT_ONCE, in_runs, places
from hone.data.unknown import DROPPED
from hone.data.unknown_reasons import UNCONFIRMED
from hone.layout import PAIR

KEEP, DROP, DROP_QUERY, WEIGHT, MASK, PROMOTE = (
    "keep",
    "drop",
    "drop-query",
    "weight",
    "mask",
    "promote",
)
ACTIONS = (KEEP, DROP, DROP_QUERY, WEIGHT, MASK, PROMOTE)
ACTION = pl.Enum(ACTIONS)
TOO_MANY = "too-many-hits"


@dataclass
class Relabelled:
    """Labels of a round, removed rows with reasons, and number of pairs per action."""

    labels: pl.DataFrame
    removed: pl.DataFrame
    actions: dict[str, int]


def actions(final: pl.DataFrame, action: str | list[Band]) -> pl.DataFrame:
    """The action on each judged pair.

    Args:
        final: query_id, doc_id, verdict, probability.
        action: one action for found pairs, or bands of their probability. The highest band that a
            pair reaches decides; a pair below all bands is kept. Without a probability, the verdict
            counts as 1 or 0.

    Returns:
        `final` with a column `action`. Pairs with unknown verdicts are masked: an unknown verdict
        is not a label.
    """
    if isinstance(action, str):
        chosen = (
            pl.when(pl.col("verdict") == "positive").then(pl.lit(action)).otherwise(pl.lit(KEEP))
        )
    else:
        probability = pl.col("probability").fill_null(
            (pl.col("verdict") == "positive").cast(pl.Float32)
        )
        chosen = pl.lit(KEEP)
        for band in sorted(action, key=lambda band: band.start):
            chosen = pl.when(probability >= band.start).then(pl.lit(band.action)).otherwise(chosen)
    chosen = pl.when(pl.col("verdict") == "unknown").then(pl.lit(MASK)).otherwise(chosen)
    return final.with_columns(action=chosen.cast(ACTION))


def unread(confirmed_at: int | None) -> pl.Expr:
    """Whether a pair is a proposal: an earlier judge found it, and the confirming judge has not
    read it.

    A pair with an unknown verdict of the confirming judge is not a proposal: it is masked. A pair
    that no judge found stays a negative.

    Args:
        confirmed_at: the place of the confirming judge in the cascade; null: it was left out, and
            no pair is confirmed.
    """
    read = pl.lit(False) if confirmed_at is None else pl.col("place") == confirmed_at
    return (pl.col("action") != KEEP) & (pl.col("verdict").cast(pl.String) != "unknown") & ~read


def unconfirmed(decided: pl.DataFrame, instead: str, confirmed_at: int | None) -> pl.DataFrame:
    """`decided` (verdict, action, reason, place of the deciding judge) with the action `instead`
    for proposals.

    A masked proposal has the reason `unconfirmed`, for this round only. In the next round it is an
    ordinary candidate.
    """
    proposed = unread(confirmed_at)
    masked = proposed & (pl.lit(instead) == MASK)
    return decided.with_columns(
        action=pl.when(proposed).then(pl.lit(instead, dtype=ACTION)).otherwise("action"),
        reason=pl.when(masked).then(pl.lit(UNCONFIRMED)).otherwise("reason"),
    )


def without(action: str, instead: str, decided: pl.DataFrame) -> pl.DataFrame:
    """`decided` with one action replaced by another."""
    return decided.with_columns(action=pl.col("action").replace(action, instead))


def relabelled(
    joined: pl.DataFrame,
    decided: pl.DataFrame,
    most_hits: int | None,
    grades: bool = False,
    size: int = ROWS_AT_ONCE,
) -> Relabelled:
    """The labels that a round trains on.

    Args:
        joined: known labels and the round's negatives by rank, as without judges; each query's
            negatives together.
        decided: query_id, doc_id, action, verdict, probability, grade, judge, reason of judged
            pairs.
        most_hits: queries with more found pairs are excluded (RLHN: 7 in the paper, 8 in the code);
            null: no limit.
        grades: write the judges' grades into the labels, for losses that train on them.
        size: approximate number of rows per block.
    """
    hits = (
        decided.filter(pl.col("verdict") == "positive")
        .group_by("query_id", maintain_order=True)
        .len("hits")
    )
    crowded = hits.filter(pl.col("hits") > most_hits) if most_hits is not None else hits.clear()
    dropped = decided.filter(pl.col("action") == DROP_QUERY).unique(
        "query_id", keep="first", maintain_order=True
    )
    leaving = pl.concat(
        [
            crowded.select(
                "query_id",
                rule=pl.lit(TOO_MANY),
                detail=pl.format("{} found, at most {}", "hits", pl.lit(most_hits)),
            ),
            dropped.select("query_id", rule=pl.lit("judge"), detail=describe_verdict()),
        ]
    ).unique("query_id", keep="first", maintain_order=True)
    judged = places(joined, decided)
    parts = [
        settled(part, decided, judged.slice(start, len(part)), leaving, grades)
        for start, part in in_runs(joined, size)
    ]
    dropped_pairs = decided.filter(pl.col("action") == DROP).join(
        leaving, on="query_id", how="anti", maintain_order="left"
    )
    left = leaving.select(
        "query_id", doc_id=pl.lit(None, dtype=pl.String), rule="rule", detail="detail"
    )
    removed = pl.concat(
        [dropped_pairs.select(*PAIR, rule=pl.lit("judge"), detail=describe_verdict()), left]
    )
    counts = decided["action"].value_counts().rows()
    return Relabelled(
        pl.concat([tables.empty("labels"), *parts]),
        tables.shaped("removed", removed),
        dict(sorted(counts)),
    )


def settled(
    part: pl.DataFrame,
    decided: pl.DataFrame,
    judged: pl.Series,
    leaving: pl.DataFrame,
    grades: bool,
) -> pl.DataFrame:
    """The actions applied to some of the labels.

    Args:
        part: of the labels as without judges.
        decided: of all judged pairs.
        judged: the row in `decided` of each label's pair; null if it was not judged.
        leaving: query_id of the queries to exclude.
        grades: as in `relabelled`.
    """
    decisions = decided.select(
        pl.col("action", "verdict", "grade", "probability", "judge", "reason")
        .gather(judged)
        .name.prefix("decided_")
    )
    marked = part.hstack(decisions).join(leaving, on="query_id", how="anti", maintain_order="left")
    mined, action = pl.col("rank").is_not_null(), pl.col("decided_action")
    changed = mined & action.is_in([MASK, PROMOTE, DROP])
    weight = 1 - pl.col("decided_probability").fill_null(
        (pl.col("decided_verdict") == "positive").cast(pl.Float32)
    )
    spoken = mined & action.is_not_null()
    labels = marked.with_columns(
        label=pl.when(changed & (action == PROMOTE))
        .then(pl.lit("positive"))
        .when(changed)
        .then(pl.lit("unknown"))
        .otherwise(pl.col("label").cast(pl.String)),
        weight=pl.when(mined & (action == WEIGHT)).then(weight).otherwise(pl.col("weight")),
        probability=pl.when(spoken)
        .then(pl.col("decided_probability"))
        .otherwise(pl.col("probability")),
        judge=pl.when(spoken)
        .then(pl.col("decided_judge").cast(pl.String))
        .otherwise(pl.col("judge")),
        reason=pl.when(mined & (action == DROP))
        .then(pl.lit(DROPPED))
        .when(spoken)
        .then(pl.col("decided_reason"))
        .otherwise(pl.col("reason")),
        grade=pl.when(spoken | (pl.lit(grades) & pl.col("decided_grade").is_not_null()))
        .then(pl.col("decided_grade"))
        .otherwise(pl.col("grade")),
        rank=pl.when(changed).then(None).otherwise(pl.col("rank")),
    )
    ranked = labels.with_columns(
        rank=pl.when(pl.col("rank").is_not_null())
        .then(pl.col("rank").rank("ordinal").over("query_id"))
        .otherwise(None)
    )
    return tables.shaped("labels", ranked)


def describe_verdict() -> pl.Expr:
    """The deciding judge, its verdict and its probability."""
    sure = (
        pl.when(pl.col("probability").is_null())
        .then(pl.lit(""))
        .otherwise(pl.format(" ({})", pl.col("probability").round(3)))
    )
    return pl.format(
        "{} says {}{}", pl.col("judge").cast(pl.String), pl.col("verdict").cast(pl.String), sure
    )
