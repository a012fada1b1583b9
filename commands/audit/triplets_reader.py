"""Read a training file line by line. Unlike the collection source `triplets`, it keeps
contradictory lines for the audit.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl

from commands.audit.dataset import DOCUMENTS, PAIRS, QUERIES, ROWS, Subject, numbered
from hone.data.file_faults import Faults
from hone.data.input_values import Odd, id_of
from hone.data.source import json_lines
from hone.errors import Refused
from tasks.collect.triplets import layout_of

BLOCK = 50_000  # texts to buffer as Python strings before conversion to a column
NOT_LINES = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".arrow": "read_ipc",
    ".feather": "read_ipc",
}


def read_rows(file: Path) -> Subject:
    """Read a file of (query, positives, negatives) in the formats of sentence-transformers,
    FlagEmbedding or Tevatron.

    Each unique text is kept once. Memory grows with the number of unique texts, and by 12 bytes per
    pair.

    Raises:
        Refused: the file is empty or not UTF-8, or lines have an unknown format. The message lists
            all such lines.
    """
    if file.suffix in NOT_LINES:
        raise Refused(
            f"{file} is not a JSON Lines file. Convert it, for example with "
            '`python -c "import polars; '
            f"polars.{NOT_LINES[file.suffix]}('{file.name}').write_ndjson('{file.stem}.jsonl')\"`."
        )
    documents, queries = Texts(), Texts()
    pairs = {
        relevance: {
            name: array(kind) for name, kind in (("query", "I"), ("document", "I"), ("row", "q"))
        }
        for relevance in (0, 1)
    }
    rows: dict[str, array] = {
        name: array(kind)
        for name, kind in (("row", "q"), ("query", "I"), ("positives", "I"), ("negatives", "I"))
    }
    repeats, seen = array("b"), set()
    faults = Faults()
    for number, record in json_lines(file, faults):
        read = layout_of(record, file, number, faults)
        if read is None:
            continue
        query, found = read
        query_number = queries.number(query, number, name_of(record))
        members = [
            (relevance, documents.number(f"{title} {text}".strip() if title else text, number))
            for relevance, title, text in found
        ]
        for relevance, document in members:
            for name, value in (("query", query_number), ("document", document), ("row", number)):
                pairs[relevance][name].append(value)
        positives = sum(relevance for relevance, _ in members)
        for name, value in (
            ("row", number),
            ("query", query_number),
            ("positives", positives),
            ("negatives", len(members) - positives),
        ):
            rows[name].append(value)
        known = hash((query_number, *members))
        repeats.append(known in seen)
        seen.add(known)
    faults.refuse()
    if not rows["row"]:
        raise Refused(
            f"{file} has no training examples. Each line must be a JSON object with a query, "
            "positives and negatives."
        )
    lines = frame(rows, {name: kind for name, kind in ROWS.items() if name != "repeats"})
    return Subject(
        name=str(file),
        kind="triplets",
        documents=numbered(documents.frame(DOCUMENTS), "document"),
        queries=numbered(queries.frame(QUERIES), "query"),
        positives=frame(pairs[1], PAIRS),
        negatives=frame(pairs[0], PAIRS),
        rows=lines.with_columns(
            repeats=pl.Series(np.frombuffer(repeats, dtype=np.int8).astype(bool))
        ),
    )


def name_of(record: dict) -> str:
    """The query id of a line; empty if it is missing or invalid."""
    try:
        return id_of(record.get("query_id")) or ""
    except Odd:
        return ""


class Texts:
    """Unique texts with their numbers, looked up by a hash of 16 bytes."""

    def __init__(self) -> None:
        self.numbers: dict[bytes, int] = {}
        self.parts: list[pl.DataFrame] = []
        self.waiting: list[tuple[str, str, int]] = []

    def number(self, text: str, row: int, name: str = "") -> int:
        """The number of a text with a name. A new text gets the next number."""
        key = blake2b(f"{len(name)} {name} {text}".encode(), digest_size=16).digest()
        found = self.numbers.get(key)
        if found is None:
            found = self.numbers[key] = len(self.numbers)
            self.waiting.append((name, text, row))
            if len(self.waiting) >= BLOCK:
                self.put()
        return found

    def put(self) -> None:
        self.parts.append(
            pl.DataFrame(
                self.waiting,
                schema={"name": pl.String, "text": pl.String, "row": pl.Int64},
                orient="row",
            )
        )
        self.waiting = []

    def frame(self, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
        """All texts, in the order of their numbers."""
        self.put()
        self.numbers = {}
        [name] = [column for column in columns if column in ("query_id", "doc_id")]
        found = pl.concat(self.parts).with_columns(
            pl.when(pl.col("name") != "").then("name").alias(name)
        )
        return found.select(
            (pl.col(one) if one in found.columns else pl.lit(None)).cast(kind).alias(one)
            for one, kind in columns.items()
        )


def frame(columns: dict[str, array], schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    """Convert arrays to a table without copying to Python numbers."""
    kinds = {"I": np.uint32, "q": np.int64}
    return pl.DataFrame(
        {
            name: np.frombuffer(values, dtype=kinds[values.typecode])
            for name, values in columns.items()
        }
    ).cast(schema)
