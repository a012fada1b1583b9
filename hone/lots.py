"""Random numbers that depend on the pair alone, so other draws and earlier removals do not change
them.

Two rounds that differ in one rule then differ only by the effect of that rule. A sequential stream
would shift every later draw after the first missing row.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from hone.seeds import seed_of

ODD = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
ROWS_PER_BLOCK = 1 << 16  # a block fits the processor's cache


def lots(keys: np.ndarray, seed: int, *purpose: str, bits: Literal[32, 64] = 64) -> np.ndarray:
    """A uniform random number for each key and one purpose (SplitMix64: Steele, Lea and Flood
    2014).

    Args:
        keys: keys of queries or pairs from `query_keys` or `pair_keys`: [n] of uint64.
        seed: from params.yaml.
        purpose: the use of the draw, such as ("position 2", "sample.choose.random").
        bits: bits of each number. 32 bits are the upper half of the 64.

    Returns:
        [n] of uint64 or uint32.
    """
    shift = np.uint64(seed_of(seed, *purpose, "high") << 32 | seed_of(seed, *purpose, "low"))
    drawn = np.empty(len(keys), dtype=f"uint{bits}")
    for first in range(0, len(keys), ROWS_PER_BLOCK):
        mixed = (keys[first : first + ROWS_PER_BLOCK] ^ shift) * ODD
        mixed ^= mixed >> np.uint64(30)
        mixed *= FIRST
        mixed ^= mixed >> np.uint64(27)
        mixed *= SECOND
        mixed ^= mixed >> np.uint64(31)
        drawn[first : first + ROWS_PER_BLOCK] = mixed >> np.uint64(64 - bits)
    return drawn


def unit(drawn: np.ndarray) -> np.ndarray:
    """Random integers scaled to [0, 1): [n] of float64."""
    return (drawn >> np.uint64(11)) * 2.0**-53


def query_keys(ids: pl.Series) -> np.ndarray:
    """A key for each id, equal in every table: [n] of uint64. Fast if equal ids are adjacent."""
    first = np.flatnonzero((ids != ids.shift()).fill_null(True).to_numpy())
    return np.repeat(ids.gather(first).hash().to_numpy(), np.diff(np.append(first, len(ids))))


def pair_keys(pairs: pl.DataFrame) -> np.ndarray:
    """A key for each query_id and doc_id: [n] of uint64."""
    return query_keys(pairs["query_id"]) * ODD + pairs["doc_id"].hash().to_numpy()
