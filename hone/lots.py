"""Random numbers of pairs that follow from the pair alone: what else is drawn for, or was removed before, changes none of them.

Two rounds that differ in one rule then differ in what that rule does and not in every draw after it. A stream of numbers, dealt out row
by row, would shift with the first row that is missing.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from hone.seeds import seed_of

ODD = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
ROWS_PER_BLOCK = 1 << 16  # what is mixed at once stays in the processor's cache


def lots(keys: np.ndarray, seed: int, *purpose: str, bits: Literal[32, 64] = 64) -> np.ndarray:
    """A uniform number for each key, for one purpose (SplitMix64: Steele, Lea and Flood 2014).

    Args:
        keys: of queries or pairs, as `query_keys` and `pair_keys` give them: [n] of uint64.
        seed: from params.yaml.
        purpose: what is drawn, such as ("position 2", "sample.choose.random").
        bits: of each number; 32 are the upper half of the 64.

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
    """Lots as numbers from 0 to below 1: [n] of float64."""
    return (drawn >> np.uint64(11)) * 2.0**-53


def query_keys(ids: pl.Series) -> np.ndarray:
    """A key of each id, the same in every table: [n] of uint64. Fast where equal ids stand together."""
    first = np.flatnonzero((ids != ids.shift()).fill_null(True).to_numpy())
    return np.repeat(ids.gather(first).hash().to_numpy(), np.diff(np.append(first, len(ids))))


def pair_keys(pairs: pl.DataFrame) -> np.ndarray:
    """A key of each query_id and doc_id: [n] of uint64."""
    return query_keys(pairs["query_id"]) * ODD + pairs["doc_id"].hash().to_numpy()
