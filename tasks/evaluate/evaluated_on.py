"""What an evaluation looked at, kept in the table of its queries: without it, nobody could tell two collections of one name apart."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from tasks.files import fingerprint_of_file

KEY = "hone.evaluated_on"  # in the metadata of reports/queries/<name>/<collection>.parquet, which goes to MLflow as it is
DOCUMENTS, GRADE = "documents.parquet", "min_relevance"
SPLITS = ("test", "dev")

Seen = dict[str, str | int]


def seen(collection: str, min_relevance: int) -> Seen:
    """The SHA-256 of each table that counts, by its path below data/<collection>, and the grade from which on a document is right."""
    folder = Path("data") / collection
    files = [folder / DOCUMENTS, *(file for split in SPLITS for file in sorted((folder / split).glob("*.parquet")))]
    return {GRADE: min_relevance} | {file.relative_to(folder).as_posix(): fingerprint_of_file(file) for file in files}


def as_metadata(looked_at: Seen) -> dict[str, str]:
    return {KEY: json.dumps(looked_at, sort_keys=True)}


def of_table(file: Path) -> Seen | None:
    """What a table of queries says of itself; null where it was written before that was kept."""
    said = pl.read_parquet_metadata(file).get(KEY)
    return None if said is None else json.loads(said)


def unlike(one: Seen, other: Seen) -> list[str]:
    """Names of what differs."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
