"""random: queries in random order, each batch from one collection; the order of batches is random too."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field


def random(
    pairs: pl.DataFrame,
    draw: np.random.Generator,
    shares: dict[str, float],
    *,
    size: Annotated[int, Field(ge=2)] = 64,
    mixed: bool = False,
) -> list[np.ndarray]:
    """The batches of one epoch.

    Args:
        pairs: rows that this epoch trains on: row, collection.
        draw: random numbers of this epoch.
        shares: of each collection, its share of the batches; empty: as many as it has rows.
        size: rows of a batch; the last of a collection may have fewer. [Hone default]
        mixed: batches from all collections at once (in-batch negatives are then from other domains: easier). [Hone default]

    Returns:
        Row numbers of each batch.
    """
    if mixed or pairs["collection"].n_unique() == 1:
        return cut(draw.permutation(pairs["row"].to_numpy()), size)
    rows = {name: part["row"].to_numpy() for (name,), part in pairs.group_by("collection", maintain_order=True)}
    total = sum(len(part) for part in rows.values())
    whole = sum(shares.get(name, 0.0) for name in rows)
    batches = []
    for name, own in rows.items():
        count = round(total * shares[name] / whole) if whole else len(own)
        repeats = [draw.permutation(own) for _ in range(-(-count // len(own)))]
        batches += cut(np.concatenate(repeats)[:count], size)
    return [batches[number] for number in draw.permutation(len(batches))]


def cut(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Runs of `size` rows; the last has what is left."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]
