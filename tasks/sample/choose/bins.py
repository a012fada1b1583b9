"""bins: candidates drawn evenly over bins of the margin to the known positive (TAS-Balanced, arXiv 2104.06967).

Most candidates are easy, so that a uniform draw is an easy one; even bins show hard and easy alike.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from tasks.sample.compared import compared
from tasks.sample.segments import KEY_BITS, Segments
from tasks.seeds import generator

LAST = np.uint32(2**KEY_BITS - 1)


def bins(
    pool: pl.DataFrame,
    positives: pl.DataFrame,
    scores: pl.DataFrame,
    round: str,
    *,
    seed: int,
    bins: Annotated[int, Field(ge=1, le=1000)] = 10,
    scorer: str | None = None,
    n: Annotated[int, Field(ge=1)] = 4,
) -> pl.DataFrame:
    """`n` candidates of every query, none twice, each from another bin as long as bins last, in the order drawn.

    The margin of a candidate is s+ - s, s+ the score of its query's known positive (the lowest-scored where there are several:
    ours; the paper bins pairs of positive and negative). Between the least and the greatest margin of a query lie `bins` bins
    of equal width; the greatest margin belongs to the last. The first draw is the paper's: a bin that is not empty, uniformly,
    and from it a candidate, uniformly. Further draws, which the paper leaves to later epochs, go through the bins that have
    some left, each once in random order, then each again (ours).

    Bins are equally wide in the scorer's space, so a shift or a positive factor of all scores changes nothing; the paper's are
    margins of a teacher (mean of cross-encoders), which `scorer` names. s+ shifts all margins of a query alike and so moves no
    bin: it matters only for who reads the margins. A candidate without a score comes last, by rank.

    Args:
        pool: query_id, doc_id and more, each query's candidates in order.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score.
        round: each round draws anew.
        seed: from params.yaml.
        bins: how many: 10 (paper). [paper]
        scorer: whose scores: the teacher's; null: the first dense source, or the round's starting model. [Hone default]
        n: negatives a query. [Hone default]

    Returns:
        The rows of the pool that are chosen.
    """
    segments = Segments.of(pool)
    draw = generator(seed, round, "sample.choose.bins")
    binned = bins_of(-compared(pool, positives, scores, scorer, "bins")["by"].to_numpy(), segments, bins)
    keys = with_chance(turns(binned, segments, draw), draw)
    keys[binned == bins] = LAST
    return pool[segments.ordered(keys, n)]


def bins_of(margins: np.ndarray, segments: Segments, count: int) -> np.ndarray:
    """The bin of each margin [n] among its query's, from 0; `count` where there is no margin."""
    there = np.isfinite(margins)
    least = segments.spread(segments.reduced(np.minimum, np.where(there, margins, np.inf)))
    most = segments.spread(segments.reduced(np.maximum, np.where(there, margins, -np.inf)))
    width = np.where(there, most - least, 0)
    share = np.where(there, margins - least, 0) / np.where(width > 0, width, 1)
    return np.where(there, np.minimum((share * count).astype(np.int64), count - 1), count)


def turns(binned: np.ndarray, segments: Segments, draw: np.random.Generator) -> np.ndarray:
    """In which turn each candidate leaves its bin: [n]; 0 for a random one of each bin, 1 for the next."""
    order = segments.ordered(with_chance(binned, draw))
    group = segments.spread(np.arange(len(segments))) * (binned.max(initial=0) + 1) + binned[order]  # queries stay where they are
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    turn = np.empty(len(order), dtype=np.int64)
    turn[order] = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    return turn


def with_chance(numbers: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Keys that sort by `numbers`, equal ones by chance: uint32, the number in its upper bits."""
    bits = KEY_BITS - int(numbers.max(initial=0)).bit_length()
    return (numbers.astype(np.uint32) << np.uint32(bits)) | draw.integers(1 << bits, size=len(numbers), dtype=np.uint32)
