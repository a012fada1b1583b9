"""What a source of a collection gives: three tables, each row with the file and the row it came from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tasks.errors import Refused, listed

SPLITS = ("train", "dev", "test")
# Where a row stands, for errors: `file` is as the user named it, `row` counts lines or records from 1.
PLACE = {"file": pl.String, "row": pl.Int64}

QUERIES = {"query_id": pl.String, "text": pl.String, "split": pl.String} | PLACE
DOCUMENTS = {"doc_id": pl.String, "title": pl.String, "text": pl.String, "parent_id": pl.String} | PLACE
# Columns that documents have besides where a source knows their dates (see the table `dates`).
DATED = {"clock": pl.String, "date": pl.String}
QRELS = {
    "query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32, "source": pl.String, "split": pl.String,
} | PLACE  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Documents, queries and labels as their source has them.

    A query or label whose `split` is null belongs to no split yet: a hash of the query's text decides (split.py).

    Attributes:
        ranked: query_id, doc_id: the only documents that are ranked for a query of test; null: all of them.
        metadata: doc_id, name, value: what else is known of documents; null: nothing.
        published: whether it is a benchmark that stays as it is published, whatever is odd about it.
    """

    documents: pl.DataFrame
    queries: pl.DataFrame
    qrels: pl.DataFrame
    ranked: pl.DataFrame | None = None
    metadata: pl.DataFrame | None = None
    published: bool = False


def frame(columns: dict[str, type[pl.DataType]], rows: list[tuple] | dict[str, object]) -> pl.DataFrame:
    """Rows in the order of `columns`, or a dict of columns, as one of the three tables above."""
    if isinstance(rows, dict):
        filled = {name: rows.get(name) for name in columns}
        return pl.DataFrame(filled, schema=columns, strict=False)
    return pl.DataFrame(rows, schema=columns, orient="row")


def json_lines(path: Path) -> Iterator[tuple[int, dict]]:
    """Number (from 1) and contents of every line of a JSON Lines file that is not blank.

    Raises:
        Refused: the file is missing, not UTF-8, or a line is not a JSON object; names the line.
    """
    for number, line in text_lines(path):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise Refused(
                f"{path}, line {number}: not JSON ({error.msg} at character {error.pos + 1}). "
                "Each line is one JSON object; mend or delete this one."
            ) from None
        if not isinstance(record, dict):
            raise Refused(f"{path}, line {number}: a JSON object was expected, {line.strip()[:60]!r} stands there.")
        yield number, record


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of every line of a UTF-8 file.

    Raises:
        Refused: the file is missing or in another encoding; names the line and the byte.
    """
    path = Path(path)
    if not path.is_file():
        raise Refused(f"{path} does not exist. {_beside(path)}")
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise Refused(
                    f"{path}, line {number}: byte 0x{raw[error.start]:02x} is not UTF-8. Convert the file first, for "
                    f"example `iconv -f latin1 -t utf-8 {path.name} > {path.stem}.utf8{path.suffix}`."
                ) from None


def need(record: dict, names: Iterable[str], path: Path, number: int) -> None:
    """Raises Refused unless `record` has every one of `names`."""
    missing = [name for name in names if name not in record]
    if missing:
        raise Refused(
            f"{path}, line {number}: {listed(missing)} is missing; the line has {listed(record)}. "
            "Rename the fields; docs/collections.md shows the layouts that are read."
        )


def _beside(path: Path) -> str:
    if not path.parent.exists():
        return f"The folder {path.parent} does not exist either."
    names = sorted(entry.name for entry in path.parent.iterdir())
    return f"Beside it: {listed(names)}." if names else f"The folder {path.parent} is empty."
