"""Which of its kept negatives a query trains with in an epoch: the first by rank, or others each time."""

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
        keys: of each pair, as `lots.pair_keys` gives them, by which it is drawn: [m] of uint64.
        first: where each query's begin: [queries + 1].
    """

    documents: np.ndarray
    keys: np.ndarray
    first: np.ndarray

    def of(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The documents of some queries, one query after the other, and how many each has: [sum], [queries]."""
        counts = self.first[queries + 1] - self.first[queries]
        return self.documents[in_runs(self.first[queries], counts)], counts

    def at(self, rows: np.ndarray, counts: np.ndarray) -> Negatives:
        """Some of these negatives; `counts` is how many each query has: [queries]."""
        return Negatives(self.documents[rows], self.keys[rows], np.append(0, np.cumsum(counts)))


def in_runs(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The whole numbers from each start on, as many as its count says."""
    return np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())


class Draw:
    """What queries train with, epoch by epoch.

    Args:
        kept: all negatives.
        n: of each query; one that has fewer trains with all of its own.
        how: `first`: those of best rank, in every epoch. `epoch`: each query's are shuffled once, by seed, and each epoch takes the
            `n` after the last one's, from the beginning again after the end (as RLHN's authors train: Tevatron's data set). Each is
            then taken as often as any other but for one time, and all are once epochs times `n` are as many.
        seed: of this training.
    """

    def __init__(self, kept: Negatives, n: int, how: str, seed: int) -> None:
        self.segments = Segments(kept.first)
        self.n, self.how = n, how
        self.counts = np.minimum(self.segments.lengths, n)
        if how == "first":
            self.order = kept
        else:
            shuffled = self.segments.ordered(lots(kept.keys, seed, "negatives", bits=32))
            self.order = kept.at(shuffled, self.segments.lengths)

    def of_epoch(self, epoch: int) -> Negatives:
        """The negatives of an epoch, from 0."""
        if self.how == "first":
            return self.order.at(self.segments.heads(self.n), self.counts)
        turned = in_runs(np.full(len(self.counts), epoch * self.n), self.counts)
        places = turned % np.repeat(self.segments.lengths, self.counts)
        return self.order.at(np.repeat(self.segments.starts, self.counts) + places, self.counts)
