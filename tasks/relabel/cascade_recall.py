"""Recall of a cascade, estimated from a random sample of the pairs that no rule escalated."""

from __future__ import annotations

import polars as pl

from hone.data.pair_lookup import within
from hone.judging.cascade import Cascade
from hone.layout import PAIR
from hone.stats.proportions import wilson


def missed(cascade: Cascade) -> dict | None:
    """The number of false negatives that the last judge would find among pairs that no judge found
    and no rule escalated.

    Returns:
        pairs (not escalated), control (judged sample of them), hits, and fraction and number of
        missed pairs, each with a 95 % interval; null without a control sample.
    """
    if cascade.control.is_empty():
        return None
    last = (
        cascade.answers[-1]
        .filter(within(cascade.answers[-1], cascade.control))
        .filter(pl.col("verdict") != "unknown")
    )
    found = last.filter(pl.col("verdict") == "positive")
    earlier = pl.concat(
        [frame.filter(within(frame, found)) for frame in cascade.answers[:-1]]
    ).unique(PAIR, keep="last", maintain_order=True)
    hits = len(found.join(earlier.filter(pl.col("verdict") == "positive"), on=PAIR, how="anti"))
    low, high = wilson(hits, len(last))
    return {
        "pairs": cascade.unsent,
        "control": len(last),
        "hits": hits,
        "share": [hits / len(last) if len(last) else None, low, high],
        "missed": [
            hits / len(last) * cascade.unsent if len(last) else None,
            low * cascade.unsent,
            high * cascade.unsent,
        ],
    }
