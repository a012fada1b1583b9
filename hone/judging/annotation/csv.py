"""The CSV file of an annotation sheet: spreadsheets read no field as a formula, and the texts
are unchanged when read back.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from hone.errors import Refused, listed, nearest
from hone.files import written_whole

COLUMNS = ("number", "query", "known_answer", "candidate", "verdict", "note")
TEXTS = ("query", "known_answer", "candidate")
VERDICTS = {"yes": "positive", "no": "negative", "unsure": "unknown"}
# Characters that start a formula in spreadsheets, also in full width. A spreadsheet that splits
# cells at semicolons or tabs finds cells inside one of our fields. Such a reader also ends a row at
# a line break.
SIGNS = "[=+\\-@＝＋－＠]"
FORMULA = re.compile(rf"^(?='*[\t\r\n])|(?:^|(?<=[;\t\r\n]))(?='*{SIGNS})")
MARKED = re.compile(rf"^'(?='*[\t\r\n])|(?:^|(?<=[;\t\r\n]))'(?='*{SIGNS})")


@dataclass(frozen=True)
class Filled:
    """One row of an annotated sheet: its row number in the file (the heading is row 1) and its
    fields.
    """

    row: int
    fields: dict[str, str]


def marked(text: str) -> str:
    """A field that no spreadsheet reads as a formula: an apostrophe precedes every character
    that would start one.
    """
    return FORMULA.sub("'", text)


def unmarked(field: str) -> str:
    """The inverse of `marked`."""
    return MARKED.sub("", field)


def write(rows: list[dict[str, str]], path: Path) -> None:
    """Write rows with all COLUMNS, with a byte-order mark: without it spreadsheets guess the
    encoding.
    """
    with written_whole(path) as part, part.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([marked(row[name]) for name in COLUMNS] for row in rows)


def read(path: Path) -> list[Filled]:
    """The rows of a sheet; empty rows are skipped.

    Raises:
        Refused: the file does not exist, is not UTF-8, or has other columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except FileNotFoundError:
        raise Refused(
            f"{path} does not exist. Run `hone annotate create`, or save the annotation page first."
        ) from None
    except UnicodeDecodeError as error:
        raise Refused(
            f"{path} is not UTF-8 (byte {error.start:,}). Save it as CSV UTF-8."
        ) from None
    heading = text.partition("\n")[0]
    separator = max(",;\t", key=heading.count)  # spreadsheets write semicolons in some locales
    limit = csv.field_size_limit()  # of the whole process: 131,072 characters per field
    csv.field_size_limit(max(limit, len(text)))
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise Refused(f"{path} cannot be read as CSV: {error}.") from None
    finally:
        csv.field_size_limit(limit)
    names = [name.strip() for name in rows[0]] if rows else []
    absent = [name for name in COLUMNS if name not in names]
    if absent:
        raise Refused(
            f"{path} lacks the column {listed(absent)}. The first row must be {','.join(COLUMNS)}."
        )
    filled = []
    for place, row in enumerate(rows[1:], start=2):
        if any(field.strip() for field in row):
            fields = dict(zip(names, [*row, *[""] * len(names)], strict=False))
            filled.append(Filled(place, {name: unmarked(fields[name]) for name in COLUMNS}))
    return filled


def verdict_of(filled: Filled, path: Path) -> str | None:
    """positive, negative, unknown, or null if the field is empty.

    Raises:
        Refused: another value.
    """
    given = filled.fields["verdict"].strip()
    if given and given.casefold() not in VERDICTS:
        raise Refused(
            f"{path}, row {filled.row} ({filled.fields['number'].strip()}): the verdict is "
            f"'{given}'. Write yes, no or unsure, or "
            f"leave it empty; {nearest(given.casefold(), VERDICTS)}"
        )
    return VERDICTS.get(given.casefold())
