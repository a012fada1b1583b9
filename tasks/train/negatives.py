"""The negatives of each query in an epoch: the first by rank, or different ones each time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hone.data.query_groups import Segments
from hone.lots import lots


@dataclass(frozen=True)
class Negatives:
    """Negatives of all queries, one query after the other.

    Attributes:
        documents: document numbers, each query's by rank: [m].
        keys: key of each pair for drawing, from `lots.pair_keys`: [m] of uint64.
        first: the start of each query: [queries + 1].
    """

    documents: np.ndarray
    keys: np.ndarray
    first: np.ndarray

    def of(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The documents of some queries, one query after the other, and their counts: [sum],
        [queries].
        """
        counts = self.first[queries + 1] - self.first[queries]
        return self.documents[in_runs(self.first[queries], counts)], counts

    def at(self, rows: np.ndarray, counts: np.ndarray) -> Negatives:
        """A subset of these negatives. `counts` is the number for each query: [queries]."""
        return Negatives(self.documents[rows], self.keys[rows], np.append(0, np.cumsum(counts)))


def in_runs(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Consecutive integers from each start, as many as its count."""
    return np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())


class Draw:
    """The negatives of each query, epoch by epoch.

    Args:
        kept: all negatives.
        n: negatives of each query. A query with fewer uses all of its own.
        how: `first`: the best ranks, in every epoch. `epoch`: each query's negatives are shuffled
            once by seed, and each epoch uses the next `n`, cyclically, as in RLHN's code
            (Tevatron's data set). The use counts of two negatives differ by at most one.
        seed: seed of this training.
    """

    def __init__(self, negatives: Negatives, n: int, how: str, seed: int) -> None:
        self.segments = Segments(negatives.first)
        self.n, self.how = n, how
        self.counts = np.minimum(self.segments.lengths, n)
        if how == "first":
            self.order = negatives
        else:
            shuffled = self.segments.ordered(lots(negatives.keys, seed, "negatives", bits=32))
            self.order = negatives.at(shuffled, self.segments.lengths)

    def of_epoch(self, epoch: int) -> Negatives:
        """The negatives of an epoch, from 0."""
        if self.how == "first":
            return self.order.at(self.segments.heads(self.n), self.counts)
        turned = in_runs(np.full(len(self.counts), epoch * self.n), self.counts)
        places = turned % np.repeat(self.segments.lengths, self.counts)
        return self.order.at(np.repeat(self.segments.starts, self.counts) + places, self.counts)
