"""rank-window: negatives from a window of ranks (SFR-Embedding's 30 to 100; sentence-transformers'
range_min and range_max).

The first ranks contain most false negatives, and the last ones are too easy.
"""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from hone.data.query_groups import Segments
from hone.errors import Refused
from tasks.sample.choose.random import random


def refuse_unfit(parameters: dict) -> None:
    """Raise Refused if the window has fewer places than requested."""
    first, last, n = parameters["range_min"], parameters["range_max"], parameters["n"]
    if last is not None and last - first < n:
        raise Refused(
            f"rank-window: range_min {first} and range_max {last} leave {max(last - first, 0)} "
            f"ranks, but n is {n}. Lower n or "
            "range_min, or raise range_max."
        )


def skips(parameters: dict) -> int:
    """The number of a query's first places that are never chosen, also not for a shortage."""
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

    Places are counted **after** the filters: a query's first remaining candidate has place 1. This
    matches `mine_hard_negatives` of sentence-transformers 6.2: it removes positives and candidates
    that fail a margin, lists the range_max best of the rest, and skips the first range_min.
    FlagEmbedding counts retrieved ranks before any removal (unverified). The recipe's own `window`
    applies before any sampler and supports both (`counted: before | after`). This sampler counts
    inside that window, so setting both shifts the ranks. Either keep the default `window`, or write
    `window: {first: 31, last: 100}` with `top` or `random`, which is equivalent.

    Scores are not used: ranks are those of the pool, each query's candidates by their best rank in
    any source. A query with at most range_min candidates gets none here, and the recipe's
    `on_shortage` applies. `widen` continues after range_max and never uses the skipped places.

    Args:
        pool: query_id, doc_id and more, each query's candidates in order.
        draws: the random stream. Rounds with the same start round share it.
        seed: from params.yaml.
        range_min: number of skipped places. 30 in SFR-Embedding-Mistral. [survey]
        range_max: the last place. 100 in SFR-Embedding-Mistral. Null: all. [survey]
        draw: the best of the window, or a uniform sample in draw order. [Hone default]
        n: negatives per query. [Hone default]

    Returns:
        The chosen rows of the pool.

    Raises:
        Refused: the window has fewer places than `n`.
    """
    refuse_unfit({"range_min": range_min, "range_max": range_max, "n": n})
    places = Segments.of(pool).places
    inside = places >= range_min
    if range_max is not None:
        inside &= places < range_max
    within = pool.filter(pl.Series(inside))
    return (
        within[Segments.of(within).heads(n)]
        if draw == "top"
        else random(within, draws, seed=seed, n=n)
    )
