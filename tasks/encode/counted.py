"""What stages asked models to read, and what these read: lines in a file, for whoever compares costs. Nothing unless a file is named.

An encoder reads texts, a cross-encoder pairs of a query and a document.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from tasks.files import fingerprint

FILE = "HONE_COUNT_ENCODING"  # the variable that names the file; `hone study` sets it
STAGE = "DVC_STAGE"  # set by DVC for every command


def asked(space: Path, keys: np.ndarray) -> None:
    """Note a chunk of texts whose vectors somebody wants: the same chunk asked for twice has the same line.

    Args:
        space: where their vectors lie.
        keys: hashes of the texts [n, 2].
    """
    if os.environ.get(FILE):
        _write(_chunk(space, keys, "asked"))


def encoded(texts: int, seconds: float) -> None:
    """Note texts that were encoded, and how long that took."""
    if os.environ.get(FILE):
        _write({"encoded": texts, "seconds": round(seconds, 3)})


def pairs_asked(space: Path, keys: np.ndarray) -> None:
    """Note pairs whose scores by a cross-encoder somebody wants, as `asked` does with texts.

    Args:
        space: where their scores lie.
        keys: hashes of the pairs [n, 2].
    """
    if os.environ.get(FILE):
        _write(_chunk(space, keys, "pairs"))


def scored(pairs: int, seconds: float) -> None:
    """Note pairs that a cross-encoder has scored, and how long that took."""
    if os.environ.get(FILE):
        _write({"scored": pairs, "seconds": round(seconds, 3)})


def _chunk(space: Path, keys: np.ndarray, what: str) -> dict[str, str | int]:
    """How many there are, each once, and a name that says which."""
    return {"space": space.name, "chunk": fingerprint(keys.tobytes())[:16], what: len(np.unique(keys, axis=0))}


def _write(line: dict) -> None:
    with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"stage": os.environ.get(STAGE, "")} | line) + "\n")
