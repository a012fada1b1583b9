"""Which rows each step trains on: a batch sampler for sentence-transformers' trainer, made of one of our batch methods."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import polars as pl
from torch.utils.data import BatchSampler

from tasks import methods
from tasks.seeds import generator


class Epochs(BatchSampler):
    """Batches of row numbers, the same for the same seed and epoch, whether training was interrupted or not.

    Args:
        pairs: row, query, collection of every pair of a query and a positive.
        line: the batch method of the recipe.
        positives: "one" draws one positive of each query for each epoch; "all" trains on every pair.
        shares: of the collections, of the batches.
        seed: of this round's training.
    """

    def __init__(self, pairs: pl.DataFrame, line: dict, positives: str, shares: dict[str, float], seed: int) -> None:
        self.pairs, self.line, self.positives, self.shares, self.seed = pairs, line, positives, shares, seed
        self.batch_size = line["parameters"].get("size", 1)
        self.drop_last = False
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.batches(self.epoch):
            yield batch.tolist()

    def __len__(self) -> int:
        return self._count

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Row numbers of each batch of an epoch."""
        draw = generator(self.seed, f"epoch {epoch}")
        pairs = self.pairs
        if self.positives == "one":
            drawn = pairs.with_columns(drawn=pl.Series(draw.random(len(pairs))))
            pairs = drawn.filter(pl.col("drawn") == pl.col("drawn").min().over("query")).drop("drawn")
        method = methods.find("train.batch", self.line["method"])
        return method(self.line["parameters"], pairs=pairs, draw=draw, shares=self.shares)

    @cached_property
    def _count(self) -> int:
        return len(self.batches(0))
