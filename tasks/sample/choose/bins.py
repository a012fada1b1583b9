"""bins: candidates drawn evenly over bins of the margin to the labelled positive (TAS-Balanced,
arXiv 2104.06967).

Most candidates are easy, so uniform sampling mostly draws easy ones. Bins give hard and easy
candidates equal weight.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from hone.data.query_groups import KEY_BITS, Segments
from hone.lots import lots, pair_keys
from tasks.sample.relative_scores import compared

LAST = np.uint32(2**KEY_BITS - 1)


def bins(
    pool: pl.DataFrame,
    positives: pl.DataFrame,
    scores: pl.DataFrame,
    draws: str,
    *,
    seed: int,
    bins: Annotated[int, Field(ge=1, le=1000)] = 10,
    scorer: str | None = None,
    n: Annotated[int, Field(ge=1)] = 4,
) -> pl.DataFrame:
    """`n` candidates of every query without duplicates, from different bins as long as possible, in
    draw order.

    The margin of a candidate is s+ - s, where s+ is the score of its query's labelled positive (the
    lowest-scored one of several [Hone default]; the paper bins pairs of positive and negative). The
    range of margins of a query is divided into `bins` bins of equal width. The first draw follows
    the paper: a non-empty bin uniformly at random, then a candidate in it uniformly. The paper
    leaves further draws to later epochs. Here they go through the remaining non-empty bins in
    random order, repeatedly [Hone default].

    Bins have equal width in the scorer's space, so a shift or a positive factor of all scores
    changes nothing. The paper uses margins of a teacher (mean of cross-encoders), which `scorer`
    names. s+ shifts all margins of a query equally and therefore changes no bin. It only affects
    the displayed margins. Candidates without a score come last, by rank.

    Args:
        pool: query_id, doc_id and more, each query's candidates in order.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score.
        draws: the random stream. Rounds with the same start round share it.
        seed: from params.yaml.
        bins: number of bins: 10 (paper). [paper]
        scorer: the scorer: the teacher. Null: the first dense source, or the round's starting
            model. [Hone default]
        n: negatives per query. [Hone default]

    Returns:
        The chosen rows of the pool.
    """
    segments = Segments.of(pool)
    keys = pair_keys(pool)
    within, among = (
        lots(keys, seed, draws, "sample.choose.bins", what, bits=32)
        for what in ("within a bin", "among bins")
    )
    binned = bins_of(
        -compared(pool, positives, scores, scorer, "bins")["by"].to_numpy(), segments, bins
    )
    order = with_chance(turns(binned, segments, within), among)
    order[binned == bins] = LAST
    return pool[segments.ordered(order, n)]


def bins_of(margins: np.ndarray, segments: Segments, count: int) -> np.ndarray:
    """The bin of each margin [n] within its query, from 0. `count` if there is no margin."""
    is_finite = np.isfinite(margins)
    least = segments.spread(segments.reduced(np.minimum, np.where(is_finite, margins, np.inf)))
    most = segments.spread(segments.reduced(np.maximum, np.where(is_finite, margins, -np.inf)))
    width = np.where(is_finite, most - least, 0)
    share = np.where(is_finite, margins - least, 0) / np.where(width > 0, width, 1)
    return np.where(is_finite, np.minimum((share * count).astype(np.int64), count - 1), count)


def turns(binned: np.ndarray, segments: Segments, drawn: np.ndarray) -> np.ndarray:
    """The turn in which each candidate is drawn from its bin: [n]. 0 for a random one of each
    bin, 1 for the next.
    """
    order = segments.ordered(with_chance(binned, drawn))
    group = (
        segments.spread(np.arange(len(segments))) * (binned.max(initial=0) + 1) + binned[order]
    )  # queries keep their positions
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    turn = np.empty(len(order), dtype=np.int64)
    turn[order] = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    return turn


def with_chance(numbers: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Keys that sort by `numbers`, with ties broken by 32 random bits: uint32, the number in its
    upper bits.
    """
    bits = KEY_BITS - int(numbers.max(initial=0)).bit_length()
    return (numbers.astype(np.uint32) << np.uint32(bits)) | (drawn >> np.uint32(KEY_BITS - bits))
