"""Checkpoints of a training run: find the newest complete one."""

from __future__ import annotations

import shutil
from pathlib import Path


def last_checkpoint(folder: Path, complete: str) -> Path | None:
    """The newest complete checkpoint of a folder. Null if there is none.

    Args:
        folder: the folder of the `checkpoint-STEP` folders.
        complete: the file that is written last into each. Checkpoints without it are incomplete and
            are deleted.
    """
    whole = []
    for path in folder.glob("checkpoint-*"):
        if (path / complete).exists():
            whole.append(path)
        else:
            shutil.rmtree(path)
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
