"""Paths of the labels made by people and judges here: below inputs/labels/, which git tracks
although it ignores other inputs.

They are human decisions (overrides.csv), judge measurements (fitness/), judgments for evaluation
(filled/), and retries of unknown verdicts (retries.json). Earlier versions stored them directly
below inputs/, where Hone still finds them.
"""

from __future__ import annotations

from pathlib import Path

from hone.errors import Refused
from hone.layout import INPUTS, LABELS_MADE_HERE


def label_file(name: str) -> Path:
    """The path of a label file: where it is, or where to write it.

    Args:
        name: the path below inputs/labels/, such as "fitness/strong@ours.json".

    Raises:
        Refused: it exists in both places with different contents.
    """
    now, before = LABELS_MADE_HERE / name, INPUTS / name
    if not before.is_file():
        return now
    if now.is_file() and now.read_bytes() != before.read_bytes():
        raise Refused(
            f"{before} and {now} both exist and differ. Copy the valid content to {now} and "
            f"delete {before}."
        )
    return now if now.is_file() else before


def label_files(pattern: str) -> list[Path]:
    """The label files whose path matches a pattern, such as "filled/ours@*.parquet", each name
    once.

    Raises:
        Refused: one exists in both places with different contents.
    """
    names = {
        file.relative_to(folder).as_posix()
        for folder in (LABELS_MADE_HERE, INPUTS)
        for file in folder.glob(pattern)
    }
    return [label_file(name) for name in sorted(names)]
