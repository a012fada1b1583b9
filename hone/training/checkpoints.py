"""Checkpoints of a training: the newest that was saved whole."""

from __future__ import annotations

import shutil
from pathlib import Path


def last_checkpoint(folder: Path, complete: str) -> Path | None:
    """The newest checkpoint of a folder; null where there is none.

    Args:
        folder: where `checkpoint-STEP` lie.
        complete: the file that is written last into each: those without it were cut off while they were saved, and are deleted.
    """
    whole = []
    for path in folder.glob("checkpoint-*"):
        if (path / complete).exists():
            whole.append(path)
        else:
            shutil.rmtree(path)
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
