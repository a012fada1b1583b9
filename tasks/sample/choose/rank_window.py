"""rank-window: negatives from a window of ranks (SFR-Embedding's 30 to 100; sentence-transformers' range_min and range_max).

The first ranks hold most false negatives, the last ones hardly anything to learn from.
"""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from hone.data.query_groups import Segments
from hone.errors import Refused
from tasks.sample.choose.random import random


def refuse_unfit(parameters: dict) -> None:
    """Raises Refused where the window is empty or holds fewer than are to be chosen."""
    first, last, n = parameters["range_min"], parameters["range_max"], parameters["n"]
    if last is not None and last - first < n:
        raise Refused(
            f"rank-window: range_min {first} and range_max {last} leave {max(last - first, 0)} ranks, and n is {n}. "
            "Lower n or range_min, or raise range_max."
        )


def skips(parameters: dict) -> int:
    """How many of a query's first places are not chosen from, nor filled up from where a query is short."""
    return parameters["range_min"]


def rank_window(
    pool: pl.DataFrame,
    draws: str,
    *,
    seed: int,
    range_min: Annotated[int, Field(ge=0)] = 30,
    range_max: Annotated[int, Field(ge=1)] | None = 100,
    draw: Literal["top", "random"] = "top",
    n: Annotated[int, Field(ge=1)] = 4,
) -> pl.DataFrame:
    """`n` candidates of every query from its places range_min + 1 to range_max.

    Places are counted **after** the filters: a query's first candidate that is left has place 1. sentence-transformers
    counts so too (`mine_hard_negatives`; read in its code, 6.2): positives and what fails a margin are taken out, the range_max
    best of the rest are listed, the first range_min of them skipped. FlagEmbedding's range counts retrieved ranks, before
    anything is taken out (from memory). The recipe's own `window` comes before any rule that chooses and can count either way
    (`counted: before | after`); this rule counts inside what that window leaves, so that setting both shifts the ranks: leave
    `window` as it is, or write `window: {first: 31, last: 100}` with `top` or `random`, which is the same thing.

    No score is read: ranks are those of the pool, each query's candidates by their best rank in any source. A query with no
    more than range_min candidates gets none here, and the recipe's `on_shortage` says what happens to it: `widen` goes on after
    range_max, and takes none of the places that are skipped.

    Args:
        pool: query_id, doc_id and more, each query's candidates in order.
        draws: what is drawn for: rounds that start from the same round share it.
        seed: from params.yaml.
        range_min: places that are skipped; 30 (SFR-Embedding-Mistral). [survey]
        range_max: the last place that counts; 100 (SFR-Embedding-Mistral); null: all. [survey]
        draw: the best of the window, or uniformly from it in the order drawn. [Hone default]
        n: negatives a query. [Hone default]

    Returns:
        The rows of the pool that are chosen.

    Raises:
        Refused: the window has fewer places than `n`.
    """
    refuse_unfit({"range_min": range_min, "range_max": range_max, "n": n})
    places = Segments.of(pool).places
    inside = places >= range_min
    if range_max is not None:
        inside &= places < range_max
    within = pool.filter(pl.Series(inside))
    return within[Segments.of(within).heads(n)] if draw == "top" else random(within, draws, seed=seed, n=n)
