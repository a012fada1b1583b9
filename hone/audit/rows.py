"""A training file read line by line: unlike the collection source `triplets` it keeps what contradicts itself, to be told."""

from __future__ import annotations

from array import array
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl

from hone.audit.subject import DOCUMENTS, PAIRS, QUERIES, ROWS, Subject, numbered
from tasks.collect.source import json_lines
from tasks.collect.triplets import POSITIVE_NAMES, QUERY_NAMES, layout_of
from tasks.errors import Refused, listed

BLOCK = 50_000  # texts that wait as Python strings before they become a column
NOT_LINES = {".parquet": "read_parquet", ".csv": "read_csv", ".arrow": "read_ipc", ".feather": "read_ipc"}


def read_rows(file: Path) -> Subject:
    """Read a file of (query, positives, negatives) in the layouts of sentence-transformers, FlagEmbedding or Tevatron.

    A text that stands many times is kept once; memory grows with different texts, and by 12 bytes a pair.

    Raises:
        Refused: the file is empty or not UTF-8, or a line is in none of the layouts; names the line and what it has.
    """
    if file.suffix in NOT_LINES:
        raise Refused(
            f"{file} is no JSON Lines file. Write it as one, for example "
            f'`python -c "import polars; polars.{NOT_LINES[file.suffix]}(\'{file.name}\').write_ndjson(\'{file.stem}.jsonl\')"`.'
        )  # fmt: skip
    documents, queries = Texts(), Texts()
    pairs = {relevance: {name: array(kind) for name, kind in (("query", "I"), ("document", "I"), ("row", "q"))} for relevance in (0, 1)}
    rows: dict[str, array] = {name: array(kind) for name, kind in (("row", "q"), ("query", "I"), ("positives", "I"), ("negatives", "I"))}
    repeats, seen = array("b"), set()
    for number, record in json_lines(file):
        query, found = layout(record, file, number)
        asked = queries.number(query, number, str(record.get("query_id") or ""))
        members = [(relevance, documents.number(f"{title} {text}".strip() if title else text, number)) for relevance, title, text in found]
        for relevance, document in members:
            for name, value in (("query", asked), ("document", document), ("row", number)):
                pairs[relevance][name].append(value)
        positives = sum(relevance for relevance, _ in members)
        for name, value in (("row", number), ("query", asked), ("positives", positives), ("negatives", len(members) - positives)):
            rows[name].append(value)
        known = hash((asked, *members))
        repeats.append(known in seen)
        seen.add(known)
    if not rows["row"]:
        raise Refused(f"{file} has no line: a training file has a JSON object on each, with a query, positives and negatives.")
    lines = frame(rows, {name: kind for name, kind in ROWS.items() if name != "repeats"})
    return Subject(
        name=str(file),
        kind="triplets",
        documents=numbered(documents.frame(DOCUMENTS), "document"),
        queries=numbered(queries.frame(QUERIES), "query"),
        positives=frame(pairs[1], PAIRS),
        negatives=frame(pairs[0], PAIRS),
        rows=lines.with_columns(repeats=pl.Series(np.frombuffer(repeats, dtype=np.int8).astype(bool))),
    )


def layout(record: dict, file: Path, number: int) -> tuple[str, list[tuple[int, str, str]]]:
    """The query and its documents as `layout_of` gives them; null counts as an empty text.

    Raises:
        Refused: no query or no positive, or something else than texts in their place.
    """
    filled = {name: "" if value is None and name in (*QUERY_NAMES, *POSITIVE_NAMES) else value for name, value in record.items()}
    for name, value in filled.items():
        if isinstance(value, list):
            filled[name] = ["" if one is None else one for one in value]
    if "positive_passages" in filled and "query" not in filled:
        raise Refused(f"{file}, line {number}: no `query` beside `positive_passages`; the line has {listed(record)}.")
    for name in ("positive_passages", "negative_passages"):
        if not isinstance(filled.get(name) or [], list):
            raise Refused(f"{file}, line {number}: `{name}` should be a list, and is {str(filled[name])[:60]!r}.")
        wrong = [one for one in filled.get(name) or [] if not isinstance(one, dict)]
        if wrong:
            raise Refused(f"{file}, line {number}: `{name}` should hold objects with `text`, and has {str(wrong[0])[:60]!r}.")
    query, found = layout_of(filled, file, number)
    return query, [(relevance, str(title), str(text)) for relevance, title, text in found]


class Texts:
    """Different texts with their numbers; a text is found again by a hash of 16 bytes."""

    def __init__(self) -> None:
        self.numbers: dict[bytes, int] = {}
        self.parts: list[pl.DataFrame] = []
        self.waiting: list[tuple[str, str, int]] = []

    def number(self, text: str, row: int, name: str = "") -> int:
        """The number of a text (under a name), which is new or known."""
        key = blake2b(f"{len(name)} {name} {text}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
        found = self.numbers.get(key)
        if found is None:
            found = self.numbers[key] = len(self.numbers)
            self.waiting.append((name, text.encode("utf-8", "replace").decode(), row))
            if len(self.waiting) >= BLOCK:
                self.put()
        return found

    def put(self) -> None:
        self.parts.append(pl.DataFrame(self.waiting, schema={"name": pl.String, "text": pl.String, "row": pl.Int64}, orient="row"))
        self.waiting = []

    def frame(self, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
        """All of them, in the order of their numbers."""
        self.put()
        self.numbers = {}
        [name] = [column for column in columns if column in ("query_id", "doc_id")]
        found = pl.concat(self.parts).with_columns(pl.when(pl.col("name") != "").then("name").alias(name))
        return found.select((pl.col(one) if one in found.columns else pl.lit(None)).cast(kind).alias(one) for one, kind in columns.items())


def frame(columns: dict[str, array], schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    """Arrays as a table, without a copy as Python numbers."""
    kinds = {"I": np.uint32, "q": np.int64}
    return pl.DataFrame({name: np.frombuffer(values, dtype=kinds[values.typecode]) for name, values in columns.items()}).cast(schema)
