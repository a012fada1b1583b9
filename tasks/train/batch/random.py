"""random: queries in random order. Each batch has queries of one collection, and batches are
shuffled.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from hone.lots import lots
from hone.seeds import generator


def random(
    pairs: pl.DataFrame,
    draw: np.random.Generator,
    shares: dict[str, float],
    *,
    size: Annotated[int, Field(ge=2)] = 64,
    mixed: bool = False,
) -> list[np.ndarray]:
    """The batches of one epoch.

    Rows are sorted by their random numbers, so a missing row shifts the others without reshuffling
    them.

    Args:
        pairs: rows of this epoch: row, collection, lot (a uniform 64-bit number).
        draw: random number generator of this epoch.
        shares: fraction of the batches for each collection. Empty: proportional to its rows.
        size: rows in a batch. The last batch of a collection may have fewer. [Hone default]
        mixed: batches across collections (in-batch negatives are then from other domains and
            easier). [Hone default]

    Returns:
        Row numbers of each batch.
    """
    if mixed or pairs["collection"].n_unique() == 1:
        return cut(pairs.sort("lot")["row"].to_numpy(), size)
    seed = int(draw.integers(1 << 32))
    rows = {name: part for (name,), part in pairs.group_by("collection", maintain_order=True)}
    total = sum(len(part) for part in rows.values())
    whole = sum(shares.get(name, 0.0) for name in rows)
    batches, order = [], []
    for name, own in rows.items():
        count = round(total * shares[name] / whole) if whole else len(own)
        again = [
            lots(own["lot"].to_numpy(), seed, f"time {time}")
            for time in range(-(-count // len(own)))
        ]
        batches += cut(
            np.concatenate([own["row"].to_numpy()[np.argsort(drawn)] for drawn in again])[:count],
            size,
        )
        order.append(generator(seed, "batches", name).random(len(batches) - sum(map(len, order))))
    return [batches[number] for number in np.argsort(np.concatenate(order))]


def cut(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Consecutive blocks of `size` rows. The last one may be smaller."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]
