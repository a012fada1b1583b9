"""Log of model usage by stages, for cost comparisons. It is written only if a file is named.

Encoders read texts. Cross-encoders read pairs of a query and a document.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hone.files import fingerprint

FILE = "HONE_COUNT_ENCODING"  # the variable with the file name, set by `hone study`
STAGE = "DVC_STAGE"  # set by DVC for every command


@dataclass(frozen=True)
class Unit:
    """The counted quantities, with the words of their log lines: requested and computed."""

    requested: str
    read: str


TEXTS = Unit("asked", "encoded")  # unit of an encoder
PAIRS = Unit("pairs", "scored")  # unit of a cross-encoder


def log_requested(unit: Unit, space: Path, keys: np.ndarray) -> None:
    """Log a chunk of requested texts or pairs. Repeated requests of the same chunk produce equal
    lines.

    Args:
        unit: TEXTS or PAIRS.
        space: the cache entry of their vectors or scores.
        keys: their hashes [n, 2], each counted once.
    """
    if os.environ.get(FILE):
        _write(
            {
                "space": space.name,
                "chunk": fingerprint(keys.tobytes())[:16],
                unit.requested: len(np.unique(keys, axis=0)),
            }
        )


def read(unit: Unit, count: int, seconds: float) -> None:
    """Log the texts or pairs that a model has read, and the time it took."""
    if os.environ.get(FILE):
        _write({unit.read: count, "seconds": round(seconds, 3)})


def _write(line: dict) -> None:
    with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"stage": os.environ.get(STAGE, "")} | line) + "\n")
