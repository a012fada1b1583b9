"""Verdicts -> labels: what becomes of a negative once the judges have spoken.

Errors cost differently: dropping a true negative is nearly free, promoting a wrong document poisons a query.
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

KEEP, DROP, DROP_QUERY, WEIGHT, MASK, PROMOTE = "keep", "drop", "drop-query", "weight", "mask", "promote"
ACTIONS = (KEEP, DROP, DROP_QUERY, WEIGHT, MASK, PROMOTE)
ACTION = pl.Enum(ACTIONS)
TOO_MANY = "too-many-hits"


@dataclass
class Relabelled:
    """Labels of a round, what left and why, and how many pairs met which end."""

    labels: pl.DataFrame
    removed: pl.DataFrame
    actions: dict[str, int]


def actions(final: pl.DataFrame, action: str | list[Band]) -> pl.DataFrame:
    """What is to be done with each judged pair.

    Args:
        final: query_id, doc_id, verdict, probability.
        action: one action for what was found, or bands of its probability: the highest band that a
            pair reaches decides, and what reaches none is kept. Where a judge gave no probability, its verdict counts
            as 1 or 0.

    Returns:
        `final` with a column `action`; what the judge could not say is masked: it is no label.
    """
    if isinstance(action, str):
        chosen = pl.when(pl.col("verdict") == "positive").then(pl.lit(action)).otherwise(pl.lit(KEEP))
    else:
        probability = pl.col("probability").fill_null((pl.col("verdict") == "positive").cast(pl.Float32))
        chosen = pl.lit(KEEP)
        for band in sorted(action, key=lambda band: band.start):
            chosen = pl.when(probability >= band.start).then(pl.lit(band.action)).otherwise(chosen)
    chosen = pl.when(pl.col("verdict") == "unknown").then(pl.lit(MASK)).otherwise(chosen)
    return final.with_columns(action=chosen.cast(ACTION))


def unread(confirmed_at: int | None) -> pl.Expr:
    """Whether a pair was found by an earlier judge and the confirming judge has not read it, so that it is a proposal.

    A pair that the confirming judge could not answer is none: it is masked. Nor is a pair that nobody found: it stays a negative.

    Args:
        confirmed_at: the place in the cascade of the judge that confirms; null: it was left out, and nothing is confirmed.
    """
    read = pl.lit(False) if confirmed_at is None else pl.col("place") == confirmed_at
    return (pl.col("action") != KEEP) & (pl.col("verdict").cast(pl.String) != "unknown") & ~read


def unconfirmed(decided: pl.DataFrame, instead: str, confirmed_at: int | None) -> pl.DataFrame:
    """`decided` (verdict, action, reason, place of the judge whose verdict it is) with the action `instead` for proposals.

    A masked proposal has the reason `unconfirmed`, which does not outlast its round: in the next it is a candidate like any other.
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
    joined: pl.DataFrame, decided: pl.DataFrame, most_hits: int | None, grades: bool = False, size: int = ROWS_AT_ONCE
) -> Relabelled:
    """The labels that a round trains on.

    Args:
        joined: what is known, and the round's negatives by rank, as if no judge had been asked; each query's negatives together.
        decided: query_id, doc_id, action, verdict, probability, grade, judge, reason of judged pairs.
        most_hits: queries with more pairs found than this are set aside (RLHN: 7 in the paper, 8 in the code); null: none.
        grades: write the judges' grades into the labels, for losses that learn from them.
        size: rows, about, whose labels are made at once.
    """
    hits = decided.filter(pl.col("verdict") == "positive").group_by("query_id", maintain_order=True).len("hits")
    crowded = hits.filter(pl.col("hits") > most_hits) if most_hits is not None else hits.clear()
    dropped = decided.filter(pl.col("action") == DROP_QUERY).unique("query_id", keep="first", maintain_order=True)
    leaving = pl.concat(
        [
            crowded.select("query_id", rule=pl.lit(TOO_MANY), detail=pl.format("{} found, at most {}", "hits", pl.lit(most_hits))),
            dropped.select("query_id", rule=pl.lit("judge"), detail=said()),
        ]
    ).unique("query_id", keep="first", maintain_order=True)
    judged = places(joined, decided)
    parts = [settled(part, decided, judged.slice(start, len(part)), leaving, grades) for start, part in in_runs(joined, size)]
    gone = decided.filter(pl.col("action") == DROP).join(leaving, on="query_id", how="anti", maintain_order="left")
    left = leaving.select("query_id", doc_id=pl.lit(None, dtype=pl.String), rule="rule", detail="detail")
    removed = pl.concat([gone.select(*PAIR, rule=pl.lit("judge"), detail=said()), left])
    counts = decided["action"].value_counts().rows()
    return Relabelled(pl.concat([tables.empty("labels"), *parts]), tables.shaped("removed", removed), dict(sorted(counts)))


def settled(part: pl.DataFrame, decided: pl.DataFrame, judged: pl.Series, leaving: pl.DataFrame, grades: bool) -> pl.DataFrame:
    """What becomes of some of the labels.

    Args:
        part: of the labels as if no judge had been asked.
        decided: of all judged pairs.
        judged: the row of `decided` that each label's pair has; null where it was not judged.
        leaving: query_id of the queries that leave.
        grades: as in `relabelled`.
    """
    told = decided.select(pl.col("action", "verdict", "grade", "probability", "judge", "reason").gather(judged).name.prefix("said_"))
    marked = part.hstack(told).join(leaving, on="query_id", how="anti", maintain_order="left")
    mined, action = pl.col("rank").is_not_null(), pl.col("said_action")
    changed = mined & action.is_in([MASK, PROMOTE, DROP])
    weight = 1 - pl.col("said_probability").fill_null((pl.col("said_verdict") == "positive").cast(pl.Float32))
    spoken = mined & action.is_not_null()
    labels = marked.with_columns(
        label=pl.when(changed & (action == PROMOTE)).then(pl.lit("positive"))
        .when(changed).then(pl.lit("unknown")).otherwise(pl.col("label").cast(pl.String)),
        weight=pl.when(mined & (action == WEIGHT)).then(weight).otherwise(pl.col("weight")),
        probability=pl.when(spoken).then(pl.col("said_probability")).otherwise(pl.col("probability")),
        judge=pl.when(spoken).then(pl.col("said_judge").cast(pl.String)).otherwise(pl.col("judge")),
        reason=pl.when(mined & (action == DROP)).then(pl.lit(DROPPED))
        .when(spoken).then(pl.col("said_reason")).otherwise(pl.col("reason")),
        grade=pl.when(spoken | (pl.lit(grades) & pl.col("said_grade").is_not_null())).then(pl.col("said_grade")).otherwise(pl.col("grade")),
        rank=pl.when(changed).then(None).otherwise(pl.col("rank")),
    )  # fmt: skip
    ranked = labels.with_columns(
        rank=pl.when(pl.col("rank").is_not_null()).then(pl.col("rank").rank("ordinal").over("query_id")).otherwise(None)
    )
    return tables.shaped("labels", ranked)


def said() -> pl.Expr:
    """Who said so, and how surely."""
    sure = pl.when(pl.col("probability").is_null()).then(pl.lit("")).otherwise(pl.format(" ({})", pl.col("probability").round(3)))
    return pl.format("{} says {}{}", pl.col("judge").cast(pl.String), pl.col("verdict").cast(pl.String), sure)
