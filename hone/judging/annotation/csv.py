"""The file that a person fills in: CSV that no spreadsheet takes for formulas, and that is read back unharmed."""

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
# What spreadsheets take for the beginning of a formula, in full width too. A field begins at its first character and, where a
# spreadsheet separates cells by semicolons or tabs, inside what is one field here: such a reader also ends a row at a line break.
SIGNS = "[=+\\-@＝＋－＠]"
FORMULA = re.compile(rf"^(?='*[\t\r\n])|(?:^|(?<=[;\t\r\n]))(?='*{SIGNS})")
MARKED = re.compile(rf"^'(?='*[\t\r\n])|(?:^|(?<=[;\t\r\n]))'(?='*{SIGNS})")


@dataclass(frozen=True)
class Filled:
    """One row of a sheet as it came back: its place in the file (the heading is row 1) and its fields."""

    row: int
    fields: dict[str, str]


def marked(text: str) -> str:
    """A field that no spreadsheet takes for a formula: with an apostrophe before whatever would begin one in some cell."""
    return FORMULA.sub("'", text)


def unmarked(field: str) -> str:
    """What `marked` was given."""
    return MARKED.sub("", field)


def write(rows: list[dict[str, str]], path: Path) -> None:
    """Write rows with all COLUMNS; with a mark of its encoding, for spreadsheets guess another without it."""
    with written_whole(path) as part, part.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([marked(row[name]) for name in COLUMNS] for row in rows)


def read(path: Path) -> list[Filled]:
    """The rows of a sheet; empty ones are left out.

    Raises:
        Refused: no such file, no UTF-8, or other columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except FileNotFoundError:
        raise Refused(f"there is no file {path}: `hone judge sheet` writes one, and its page saves one.") from None
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8 (byte {error.start:,}). Save it as CSV UTF-8.") from None
    heading = text.partition("\n")[0]
    separator = max(",;\t", key=heading.count)  # some countries' spreadsheets write semicolons
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # by default no field may have more than 131,072 characters
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise Refused(f"{path} cannot be read as CSV: {error}.") from None
    names = [name.strip() for name in rows[0]] if rows else []
    absent = [name for name in COLUMNS if name not in names]
    if absent:
        raise Refused(f"{path} lacks the column {listed(absent)}: its first row is {','.join(COLUMNS)}.")
    filled = []
    for place, row in enumerate(rows[1:], start=2):
        if any(field.strip() for field in row):
            fields = dict(zip(names, [*row, *[""] * len(names)], strict=False))
            filled.append(Filled(place, {name: unmarked(fields[name]) for name in COLUMNS}))
    return filled


def verdict_of(filled: Filled, path: Path) -> str | None:
    """positive, negative, unknown, or null where the field was left empty.

    Raises:
        Refused: another word.
    """
    given = filled.fields["verdict"].strip()
    if given and given.casefold() not in VERDICTS:
        raise Refused(
            f"{path}, row {filled.row} ({filled.fields['number'].strip()}): the verdict is '{given}'. Write yes, no or unsure, or "
            f"leave it empty; {nearest(given.casefold(), VERDICTS)}"
        )
    return VERDICTS.get(given.casefold())
