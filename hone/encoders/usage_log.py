"""What stages asked models to read, and what these read: lines in a file, for whoever compares costs. Nothing unless a file is named.

An encoder reads texts, a cross-encoder pairs of a query and a document.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hone.files import fingerprint

FILE = "HONE_COUNT_ENCODING"  # the variable that names the file; `hone study` sets it
STAGE = "DVC_STAGE"  # set by DVC for every command


@dataclass(frozen=True)
class Unit:
    """What is counted, by the words of its lines: what was asked for, and what was read for it."""

    asked: str
    read: str


TEXTS = Unit("asked", "encoded")  # an encoder's
PAIRS = Unit("pairs", "scored")  # a cross-encoder's


def asked(unit: Unit, space: Path, keys: np.ndarray) -> None:
    """Note a chunk of texts or pairs whose vectors or scores somebody wants: the same chunk asked for twice has the same line.

    Args:
        unit: TEXTS or PAIRS.
        space: where their vectors or scores lie.
        keys: their hashes [n, 2]; each counts once.
    """
    if os.environ.get(FILE):
        _write({"space": space.name, "chunk": fingerprint(keys.tobytes())[:16], unit.asked: len(np.unique(keys, axis=0))})


def read(unit: Unit, count: int, seconds: float) -> None:
    """Note texts or pairs that a model has read, and how long that took."""
    if os.environ.get(FILE):
        _write({unit.read: count, "seconds": round(seconds, 3)})


def _write(line: dict) -> None:
    with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"stage": os.environ.get(STAGE, "")} | line) + "\n")
