"""Batch sampler for sentence-transformers' trainer: the rows and negatives of each step, by a
batch method.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import polars as pl
from torch.utils.data import BatchSampler

from hone.config import methods
from hone.lots import lots, pair_keys, query_keys
from hone.seeds import generator
from tasks.train.negatives import Draw


class Epochs(BatchSampler):
    """Batches of row numbers, deterministic for a seed and epoch, also after an interruption.

    Args:
        pairs: row, query, query_id, doc_id, collection of every pair of a query and a positive.
        line: the recipe's batch method.
        positives: "one" draws one positive of each query in each epoch. "all" trains on every pair.
        shares: fractions of the batches for each collection.
        seed: seed of this round's training.
        negatives: the negatives of each query, by epoch.

    Order and positive of a query do not depend on the other queries, positives and negatives of the
    round: draws follow from ids, epoch and seed.
    """

    def __init__(
        self,
        pairs: pl.DataFrame,
        line: dict,
        positives: str,
        shares: dict[str, float],
        seed: int,
        negatives: Draw,
    ) -> None:
        self.pairs, self.line, self.positives, self.shares, self.seed = (
            pairs,
            line,
            positives,
            shares,
            seed,
        )
        self.batch_size = line["parameters"].get("size", 1)
        self.drop_last = False
        self.epoch = 0
        self.negatives = negatives
        self.now = negatives.of_epoch(0)
        self.keys = pair_keys(pairs)
        self.query_keys = query_keys(pairs["query_id"])

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        self.now = self.negatives.of_epoch(self.epoch)
        for batch in self.batches(self.epoch):
            yield batch.tolist()

    def __len__(self) -> int:
        return self._count

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Row numbers of each batch of an epoch."""
        purpose = f"epoch {epoch}"
        pairs, order = self.pairs, lots(self.keys, self.seed, purpose, "pairs")
        if self.positives == "one":
            first = np.lexsort((order, pairs["query"].to_numpy()))
            first = np.sort(first[pairs["query"].gather(first).is_first_distinct().to_numpy()])
            pairs, order = pairs[first], lots(self.query_keys[first], self.seed, purpose, "queries")
        method = methods.find("train.batch", self.line["method"])
        given = {
            "pairs": pairs.with_columns(lot=order),
            "draw": generator(self.seed, purpose),
            "shares": self.shares,
        }
        return method(self.line["parameters"], **given)

    @cached_property
    def _count(self) -> int:
        return len(self.batches(0))
