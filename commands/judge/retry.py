"""`hone judge retry`: mark the unknown verdicts of a round for a retry, so that the stage runs
again.
"""

from __future__ import annotations

import polars as pl

from commands.console import line
from commands.workspace import round_folder
from hone.data import tables
from hone.data.label_files import label_file
from hone.data.unknown_reasons import kinds
from hone.errors import Refused
from hone.files import read_json, write_json
from hone.judging.settings import RETRIES


def retry(round: str) -> None:
    """Mark a round's unknown verdicts for a retry by the next `dvc repro`.

    Raises:
        Refused: the round does not exist, or it has no unknown verdicts.
    """
    file = round_folder(round) / "judgments.parquet"
    unknown = (
        tables.read("judgments", file).filter(pl.col("verdict") == "unknown")
        if file.exists()
        else tables.empty("judgments")
    )
    if unknown.is_empty():
        raise Refused(f"Round {round} has no unknown verdicts, so there is nothing to retry.")
    file = label_file(RETRIES)
    before = read_json(file) if file.is_file() else {}
    # Higher than every earlier count: rounds share the judgment log, and pairs that another round
    # has retried must be retried too.
    write_json(file, before | {round: max(before.values(), default=0) + 1})
    reasons = unknown.select(kinds())["reason"].value_counts(sort=True)
    why = ", ".join(f"{count:,} {reason}" for reason, count in reasons.rows())
    line(f"{len(unknown):,} pairs marked for a retry ({why}). Run `dvc repro`.")
