"""Index of cached embeddings by the hashes of their texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class Index:
    """Hashes sorted by their first half, each with its shard and row: 24 bytes for each text."""

    def __init__(self) -> None:
        self.high, self.low = np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.uint64)
        self.places = np.empty((0, 2), dtype=np.int32)

    def __len__(self) -> int:
        return len(self.high)

    def add(self, first: int, shards: Sequence[np.ndarray]) -> None:
        """Add the keys [n, 2] of shards, numbered from `first`. A known key keeps its first
        position.
        """
        keys = np.concatenate([np.empty((0, 2), dtype=np.uint64), *shards])
        places = np.empty((len(keys), 2), dtype=np.int32)
        places[:, 0] = np.repeat(
            np.arange(first, first + len(shards)), [len(shard) for shard in shards]
        )
        places[:, 1] = np.concatenate(
            [np.empty(0, dtype=int), *(np.arange(len(shard)) for shard in shards)]
        )
        order = np.argsort(keys[:, 0], kind="stable")
        at = np.searchsorted(self.high, keys[order, 0], side="right")
        self.high = np.insert(self.high, at, keys[order, 0])
        self.low = np.insert(self.low, at, keys[order, 1])
        self.places = np.insert(self.places, at, places[order], axis=0)

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Shard and row of keys [n, 2]: array [n, 2], both -1 for missing keys."""
        found = np.full((len(keys), 2), -1, dtype=np.int32)
        at = np.searchsorted(self.high, keys[:, 0])
        waiting = np.arange(len(keys))
        while True:  # one iteration, except for texts whose hashes agree in the first half
            waiting = waiting[at[waiting] < len(self)]
            waiting = waiting[self.high[at[waiting]] == keys[waiting, 0]]
            if not len(waiting):
                return found
            same = self.low[at[waiting]] == keys[waiting, 1]
            found[waiting[same]] = self.places[at[waiting[same]]]
            waiting = waiting[~same]
            at[waiting] += 1
