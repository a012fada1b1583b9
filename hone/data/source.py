"""The output of a collection's source: three tables, each row with its file and row number."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from hone.data.file_faults import Faults
from hone.data.input_values import Odd
from hone.errors import Refused, listed

DEEPEST = 64  # nesting depth of lists and objects [Hone default]
HALF = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")  # a surrogate in JSON notation
SPLITS = ("train", "dev", "test")
# The origin of a row, for error messages: `file` as named by the user, `row` counts lines or
# records from 1.
PLACE = {"file": pl.String, "row": pl.Int64}

QUERIES = {"query_id": pl.String, "text": pl.String, "split": pl.String} | PLACE
DOCUMENTS = {
    "doc_id": pl.String,
    "title": pl.String,
    "text": pl.String,
    "parent_id": pl.String,
} | PLACE
# Additional columns of documents if the source knows their dates (see the table `dates`).
DATED = {"clock": pl.String, "date": pl.String}
QRELS = {
    "query_id": pl.String,
    "doc_id": pl.String,
    "relevance": pl.Int32,
    "source": pl.String,
    "split": pl.String,
} | PLACE
# An additional column of labels if the source knows how much each counts in training.
WEIGHTED = {"weight": pl.Float32}


@dataclass(frozen=True)
class Source:
    """Documents, queries and labels as read from the source.

    A query or label with a null `split` has no split yet. A hash of the query's text assigns one
    (split.py).

    Attributes:
        ranked: query_id, doc_id: the only documents ranked for a test query. Null: all.
        metadata: doc_id, name, value: other data about documents. Null: none.
        published: whether it is a benchmark that stays as published, without any cleaning.
        counts: number of values that were changed on reading, by their name in about.json:
            missing_titles, negative_grades.
        origin: URL and checksum or commit of a download.
        removed: doc_id, rule, detail of what the source left out, and query_id if it is known.
            Null: nothing.
        clicks: the table `clicks` of a click log. Null: the source is not one.
        traffic: the table `traffic`. Null: the number of searches is unknown.
        about: further facts for about.json, by name.
        notes: sentences for the log.
    """

    documents: pl.DataFrame
    queries: pl.DataFrame
    qrels: pl.DataFrame
    ranked: pl.DataFrame | None = None
    metadata: pl.DataFrame | None = None
    published: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    removed: pl.DataFrame | None = None
    clicks: pl.DataFrame | None = None
    traffic: pl.DataFrame | None = None
    about: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def frame(
    columns: dict[str, type[pl.DataType]], rows: list[tuple] | dict[str, object]
) -> pl.DataFrame:
    """Rows in the order of `columns`, or a dict of columns, as one of the three tables."""
    if isinstance(rows, dict):
        filled = {name: rows.get(name) for name in columns}
        return pl.DataFrame(filled, schema=columns, strict=False)
    return pl.DataFrame(rows, schema=columns, orient="row")


def json_lines(path: Path, faults: Faults) -> Iterator[tuple[int, dict]]:
    """Number (from 1) and content of every non-blank line of a JSON Lines file.

    Args:
        path: the file.
        faults: collects the lines that are skipped: invalid UTF-8 or JSON, not an object, nested
            too deeply, or a lone surrogate.

    Raises:
        Refused: the file is missing.
    """
    for number, line in text_lines(path, faults):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            what = f"not JSON ({error.msg} at character {error.pos + 1})"
            faults.line(
                path,
                number,
                what,
                "Each line must be one JSON object. Fix or delete this line",
                "not JSON",
            )
            continue
        except RecursionError:
            record = None
        except ValueError:  # Python does not parse integers with more than 4,300 digits
            what = "a number has thousands of digits"
            faults.line(path, number, what, "Write it as a text in quotes", what)
            continue
        if (record is None and line.strip() != "null") or too_deep(line, record):
            what = f"lists or objects are nested more than {DEEPEST} levels deep"
            faults.line(path, number, what, "Remove the nested value, or write it as a text", what)
        elif not isinstance(record, dict):
            what = f"expected a JSON object, found {line.strip()[:60]!r}"
            faults.line(path, number, what, "Each line must be one JSON object", "no object")
        elif HALF.search(line) and (name := halved(record)) is not None:
            what = (
                f"`{printable(name)}` contains half a character (a surrogate such as \\ud83d "
                "without its other half)"
            )
            faults.line(
                path,
                number,
                what,
                "The text was cut inside an emoji or similar character. Delete that half",
                "half",
            )
        else:
            yield number, record


def too_deep(line: str, record: object) -> bool:
    """Whether lists and objects are nested more than DEEPEST levels deep, which Python cannot
    always handle.
    """
    if line.count("[") + line.count("{") <= DEEPEST:
        return False
    level = [record]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, list | dict)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return any(isinstance(one, list | dict) for one in level)


def halved(record: dict) -> str | None:
    """The first field of a record with a lone surrogate. Null if there is none."""
    for name, value in record.items():
        try:
            json.dumps([name, value], ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return name
    return None


def printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def text_lines(path: Path, faults: Faults) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of every line of a UTF-8 file, without a byte order mark.

    Args:
        path: the file.
        faults: collects the skipped lines in another encoding, with the byte.

    Raises:
        Refused: the file is missing.
    """
    path = Path(path)
    if not path.is_file():
        raise Refused(f"{path} does not exist. {_beside(path)}")
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if number == 1 and raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise Refused(
                    f"{path}, line 1: the encoding is UTF-16. Convert the file first: `iconv -f "
                    f"utf-16 -t utf-8 {path.name} > "
                    f"{path.stem}.utf8{path.suffix}`."
                )
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                remedy = (
                    "Convert the file first, for example `iconv -f latin1 -t utf-8 "
                    f"{path.name} > {path.stem}.utf8{path.suffix}`"
                )
                faults.line(path, number, f"byte 0x{raw[error.start]:02x} is not UTF-8", remedy)


def value_of(
    read: Callable[[Any], Any], record: dict, name: str, path: Path, number: int, faults: Faults
) -> Any:
    """A field of a record, converted by `id_of`, `text_of` or `grade_of`. Null if it is missing or
    invalid. Invalid values are added to `faults`.
    """
    try:
        return read(record.get(name))
    except Odd as odd:
        faults.line(path, number, f"`{name}` is {odd}", odd.remedy, f"{name} {odd.remedy}")
        return None


def has(record: dict, names: Iterable[str], path: Path, number: int, faults: Faults) -> bool:
    """Whether `record` has all of `names`. If not, the line is added to `faults`."""
    missing = [name for name in names if name not in record]
    if missing:
        what = f"{listed(missing)} is missing. The line has {printable(listed(record))}"
        remedy = "Rename the fields. docs/how-to/collections.md lists the supported layouts"
        faults.line(path, number, what, remedy, f"lacks {missing}")
    return not missing


def _beside(path: Path) -> str:
    if not path.parent.exists():
        return f"The folder {path.parent} does not exist either."
    names = sorted(entry.name for entry in path.parent.iterdir())
    return f"It contains: {listed(names)}." if names else f"The folder {path.parent} is empty."
