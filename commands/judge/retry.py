"""`hone judge retry`: what judges could not say in a round is asked again, and the stage runs once more."""

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
    """Note that a round's unknown verdicts are to be asked for again; `dvc repro` then does it.

    Raises:
        Refused: no such round, or nothing in it is unknown.
    """
    file = round_folder(round) / "judgments.parquet"
    unknown = tables.read("judgments", file).filter(pl.col("verdict") == "unknown") if file.exists() else tables.empty("judgments")
    if unknown.is_empty():
        raise Refused(f"in round {round} there is nothing that a judge could not say: nothing to ask again.")
    file = label_file(RETRIES)
    before = read_json(file) if file.is_file() else {}
    # Above every count so far: rounds share the ledger, and what another round has asked again at its count is to be asked once more.
    write_json(file, before | {round: max(before.values(), default=0) + 1})
    reasons = unknown.select(kinds())["reason"].value_counts(sort=True)
    line(f"{len(unknown):,} pairs will be asked again ({', '.join(f'{count:,} {why}' for why, count in reasons.rows())}): `dvc repro`")
