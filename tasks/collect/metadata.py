"""Metadata of a source's documents: a group, a taxonomy path, links. Values are texts, and a
list is several rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from hone.data import tables
from hone.data.input_values import EXACT, missing

NESTED = "metadata"  # the metadata object of BEIR corpora: its keys have no prefix


def of_records(records: Iterable[tuple[str, dict[str, Any]]]) -> pl.DataFrame:
    """The table `metadata` for documents from JSON objects.

    Args:
        records: doc_id and other fields of each document. Keys of an object get its name as a
            prefix (`author.name`), except those of the object `metadata`. Null and empty texts are
            skipped.

    Returns:
        doc_id, name, value, without duplicate rows.
    """
    rows = [(doc, name, value) for doc, record in records for name, value in flat(record)]
    frame = pl.DataFrame(rows, schema=tables.SCHEMAS["metadata"], orient="row")
    return frame.unique(maintain_order=True)


def flat(record: dict[str, Any], inside: str = "") -> Iterator[tuple[str, str]]:
    """Name and value of everything in an object."""
    for key, value in record.items():
        name = f"{inside}{key}"
        if isinstance(value, dict):
            yield from flat(value, "" if name == NESTED else f"{name}.")
        else:
            for one in value if isinstance(value, list | tuple) else [value]:
                if (text := as_text(one)) != "":
                    yield name, text


def as_text(value: Any) -> str:
    """A value as a text, without outer white space. Nested values become JSON, and null and NaN are
    skipped.

    A whole number loses its decimal point: 7.0 becomes the id "7". pandas writes 7.0 if the column
    has an empty cell.
    """
    if missing(value):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    if isinstance(value, bool | dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).strip()


def of_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """The table `metadata` of a documents table: every column but `doc_id` (see `of_records`)."""
    parts = []
    for name in frame.columns:
        kind = frame.schema[name]
        if name == "doc_id":
            continue
        if isinstance(kind, pl.List | pl.Struct | pl.Array | pl.Object) or kind == pl.Binary:
            parts.append(
                of_records(
                    (doc, {name: value}) for doc, value in frame.select("doc_id", name).iter_rows()
                )
            )
        else:
            texts = (
                pl.Series("value", [as_text(one) for one in frame[name]], dtype=pl.String)
                if kind.is_float()
                else frame[name]
            )
            value = texts.cast(pl.String).str.strip_chars().alias("value")
            parts.append(
                frame.select("doc_id", name=pl.lit(name), value=value).filter(
                    pl.col("value").fill_null("") != ""
                )
            )
    return pl.concat([tables.empty("metadata"), *parts]).unique(maintain_order=True)
