"""Provenance of an evaluation, stored in the table of its queries. It distinguishes two
collections of the same name.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from hone.data import tables
from hone.data.own_id import own_pairs
from hone.data.tables import Documents
from hone.files import fingerprint_of_file
from hone.layout import DATA, collection_table, generated_table

# in the metadata of reports/queries/<name>/<collection>.parquet, which MLflow stores unchanged
KEY = "hone.evaluated_on"
GENERATED = "generated"  # the folder of generated dev tables in a provenance
DOCUMENTS, GRADE, OWN_ID = "documents.parquet", "min_relevance", "own_id"
SPLITS = ("test", "dev")

Seen = dict[str, str | int]


def seen(collection: str, min_relevance: int, drops_own_id: bool = False) -> Seen:
    """The SHA-256 of each table that matters, by its path below data/<collection>, and
    `min_relevance`.

    If queries and documents share ids, `own_id` is recorded too. Evaluations from before that rule
    lack it. They are comparable with later ones if no id is shared, because the rule then changes
    nothing.
    """
    folder = DATA / collection
    files = [
        folder / DOCUMENTS,
        *(file for split in SPLITS for file in sorted((folder / split).glob("*.parquet"))),
    ]
    rule = {OWN_ID: "drop" if drops_own_id else "keep"} if shares_ids(folder) else {}
    return (
        {GRADE: min_relevance}
        | rule
        | {file.relative_to(folder).as_posix(): fingerprint_of_file(file) for file in files}
        | seen_generated(collection)
    )


def seen_generated(collection: str) -> Seen:
    """The SHA-256 of the generated dev tables. Empty if evaluation does not read them."""
    own = tables.scan("qrels", collection_table(collection, "qrels", "dev")).head(1).collect()
    if len(own):
        return {}
    files = [generated_table(collection, table, "dev") for table in ("queries", "qrels")]
    return {
        f"{GENERATED}/{file.name}": fingerprint_of_file(file)
        for file in files
        if file.exists() and len(tables.read(file.stem, file))
    }


def has_generated_dev(seen_tables: Seen) -> bool:
    """Whether the dev queries of an evaluation were generated, by its provenance."""
    return any(str(name).startswith(f"{GENERATED}/") for name in seen_tables)


def shares_ids(folder: Path) -> bool:
    """Whether a judged query has the id of a document or of a parent of chunks."""
    documents = Documents(folder / DOCUMENTS)
    ids = pl.concat([documents.ids, documents.parents["parent_id"]])
    return any(
        len(own_pairs(tables.read("queries", folder / split / "queries.parquet")["query_id"], ids))
        for split in SPLITS
    )


def as_metadata(looked_at: Seen) -> dict[str, str]:
    return {KEY: json.dumps(looked_at, sort_keys=True)}


def of_table(file: Path) -> Seen | None:
    """The provenance stored in a table of queries. Null if the table is older than this feature."""
    metadata = pl.read_parquet_metadata(file).get(KEY)
    return None if metadata is None else json.loads(metadata)


def unlike(one: Seen, other: Seen) -> list[str]:
    """The names of the differences."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
