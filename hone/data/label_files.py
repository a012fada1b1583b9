"""Where the labels are that people and judges made here: below inputs/labels/, which git keeps while it ignores other inputs.

They are a person's decisions (overrides.csv), what was measured of judges (fitness/), what judges filled (filled/), and how often unknown
verdicts were asked again (retries.json). Hone kept them directly below inputs/ before, and finds them there too.
"""

from __future__ import annotations

from pathlib import Path

from hone.errors import Refused
from hone.layout import INPUTS, LABELS_MADE_HERE


def label_file(name: str) -> Path:
    """The path of a file of labels: where it is, or where it is to be written.

    Args:
        name: from inputs/labels/ on, such as "fitness/strong@ours.json".

    Raises:
        Refused: it is in both places, with different contents.
    """
    now, before = LABELS_MADE_HERE / name, INPUTS / name
    if not before.is_file():
        return now
    if now.is_file() and now.read_bytes() != before.read_bytes():
        raise Refused(f"{before} and {now} are both there and differ: put what counts into {now} and remove {before}.")
    return now if now.is_file() else before


def label_files(pattern: str) -> list[Path]:
    """The files of labels whose path matches a pattern, such as "filled/ours@*.parquet", each name once.

    Raises:
        Refused: one is in both places, with different contents.
    """
    names = {file.relative_to(folder).as_posix() for folder in (LABELS_MADE_HERE, INPUTS) for file in folder.glob(pattern)}
    return [label_file(name) for name in sorted(names)]
