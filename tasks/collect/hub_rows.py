"""The rows of one data file of the Hub as pairs of a query and a passage.

Parquet and CSV files are read by column. JSON Lines files are read record by record, because
values of one key may have several types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from hone.data import user_tables
from hone.data.file_faults import Faults, Faulty
from hone.data.input_values import Odd, as_ids, id_of, missing, show_value, text_of
from hone.data.source import json_lines
from hone.errors import Refused, listed, nearest
from tasks.collect.hub_layout import Layout, Role, layout_of

Where = dict[str, list[str]]

# A passage of a row. `relevance` is null if the row has a score, which is not yet a grade.
PAIRS = {
    "row": pl.Int64,
    "query_id": pl.String,
    "query": pl.String,
    "relevance": pl.Int32,
    "score": pl.Float64,
    "docid": pl.String,
    "title": pl.String,
    "text": pl.String,
}
BLOCK = 8192  # rows whose passages are in memory as pairs
ID_NAMES = ("docid", "doc_id", "_id", "id")
TEXT_REMEDY = (
    "A passage is a text, or an object with `text`. Name other columns with `options: {columns: "
    "...}`"
)


@dataclass(frozen=True)
class Rows:
    """The rows of a file.

    Attributes:
        layout: its columns by role. Null: the file is empty.
        numbers: the row numbers, from 1, that `where` selects.
        of: the pairs of some row numbers, in blocks of rows: the numbers of a block, and its pairs
            with the columns of PAIRS, in the order of the file.
    """

    layout: Layout | None
    numbers: pl.Series
    of: Callable[[pl.Series], Iterator[tuple[pl.Series, pl.DataFrame]]]


def read_rows(file: Path, label: str, columns: dict[Role, Any] | None, where: Where) -> Rows:
    """The rows of a data file.

    Args:
        file: the file on this disk.
        label: its name for messages.
        columns: the columns of some roles, from params.yaml.
        where: values of columns. Only rows with one of them are read.

    Raises:
        Refused: the file cannot be read, lacks a column, or a column does not contain texts.
    """
    if file.suffix in (".jsonl", ".ndjson", ".json"):
        return from_records(file, label, columns, where)
    return from_columns(file, label, columns, where)


def from_columns(file: Path, label: str, columns: dict[Role, Any] | None, where: Where) -> Rows:
    """The rows of a Parquet, CSV or TSV file."""
    frame = scan(file, label)
    schema = frame.collect_schema()
    layout = layout_of(schema.names(), columns, label)
    refuse_unknown(where, schema.names(), label)
    picked = frame.with_row_index("__row", offset=1).with_columns(pl.col("__row").cast(pl.Int64))
    for name, values in where.items():
        picked = picked.filter(pl.col(name).cast(pl.String, strict=False).is_in(values))
    numbers = collected(picked.select("__row"), label)["__row"]

    def blocks(drawn: pl.Series) -> Iterator[tuple[pl.Series, pl.DataFrame]]:
        kept = picked.select("__row", *dict.fromkeys(layout.columns))
        wide = collected(kept.filter(pl.col("__row").is_in(drawn.implode())), label)
        for block in wide.iter_slices(BLOCK):
            yield block["__row"], long_pairs(block, layout, label)

    return Rows(layout, numbers, blocks)


def scan(file: Path, label: str) -> pl.LazyFrame:
    """A Parquet, CSV or TSV file. All columns of the last two are texts."""
    try:
        if file.suffix == ".parquet":
            frame = pl.scan_parquet(file)
            frame.collect_schema()
            return frame
        return user_tables.read_csv(file, "\t" if file.suffix == ".tsv" else ",").lazy()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Refused(f"{label} cannot be read: {user_tables.reason(error)}.") from None


def collected(frame: pl.LazyFrame, label: str) -> pl.DataFrame:
    """The rows of a lazy frame.

    Raises:
        Refused: the file is damaged.
    """
    try:
        return frame.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Refused(f"{label} cannot be read: {user_tables.reason(error)}.") from None


def refuse_unknown(where: Where, names: list[str], label: str) -> None:
    """Raise Refused if `where` names a column that does not exist."""
    if unknown := [name for name in where if name not in names]:
        raise Refused(
            f"{label}: `where` names the column {listed(unknown)}, which does not exist; "
            f"{nearest(unknown[0], names)}"
        )


def long_pairs(frame: pl.DataFrame, layout: Layout, label: str) -> pl.DataFrame:
    """One row for each passage of a wide frame, positives before negatives."""
    base = frame.select(
        row="__row",
        query_id=ids_of(frame, layout.query_id),
        query=texts_of(frame[layout.query], layout.query, label),
        score=scores_of(frame, layout.score, label),
    )
    parts = []
    for place, name in enumerate((layout.positive, *layout.negatives)):
        relevance = 0 if place else None if layout.score else 1
        passages = passages_of(frame.select("__row", passage=name), name, label)
        parts.append(
            base.join(passages, on="row", how="inner", maintain_order="left_right").with_columns(
                relevance=pl.lit(relevance, dtype=pl.Int32), place=pl.lit(place)
            )
        )
    joined = pl.concat(parts).sort("row", "place", maintain_order=True)
    return joined.select(pl.col(name).cast(kind) for name, kind in PAIRS.items())


def ids_of(frame: pl.DataFrame, name: str | None) -> pl.Series:
    """The ids of a column as texts. Null if there is no such column, or if it has other values."""
    empty = pl.Series([None] * len(frame), dtype=pl.String)
    if name is None:
        return empty
    values, bad = as_ids(frame[name])
    return empty if bad.any() else values


def texts_of(column: pl.Series, name: str, label: str) -> pl.Series:
    """A column as texts.

    Raises:
        Refused: it has another type.
    """
    kind = column.dtype
    if kind in (pl.String, pl.Null, pl.Categorical, pl.Enum) or kind.is_numeric():
        return column.cast(pl.String)
    raise Refused(f"{label}: the column '{name}' has the type {kind}. {TEXT_REMEDY}.")


def scores_of(frame: pl.DataFrame, name: str | None, label: str) -> pl.Series:
    """The scores of a column. Null without such a column.

    Raises:
        Refused: a value is not a number.
    """
    if name is None:
        return pl.Series([None] * len(frame), dtype=pl.Float64)
    column = frame[name]
    values = (
        user_tables.as_number(column)
        if not column.dtype.is_nested()
        else pl.Series([None] * len(frame), dtype=pl.Float64)
    )
    if bad := (values.is_null() | ~values.is_finite()).arg_true().to_list():
        raise Refused(
            f"{label}, row {frame['__row'][bad[0]]:,}: the score {show_value(column[bad[0]])} in "
            f"'{name}' is not a number. Name another column with `options: {{columns: {{score: "
            "COLUMN}}`."
        )
    return values


def passages_of(frame: pl.DataFrame, name: str, label: str) -> pl.DataFrame:
    """row, docid, title and text of each passage of a column: one text, a list of texts, or
    objects.
    """
    while isinstance(frame.schema["passage"], pl.List | pl.Array):
        frame = frame.explode("passage")
    frame = frame.filter(pl.col("passage").is_not_null())
    kind = frame.schema["passage"]
    if isinstance(kind, pl.Struct):
        fields = [field.name for field in kind.fields]
        if "text" not in fields:
            raise Refused(
                f"{label}: the objects in '{name}' have no `text`. Found: {listed(fields)}. "
                f"{TEXT_REMEDY}."
            )
        inside = frame["passage"].struct
        docid = next((one for one in ID_NAMES if one in fields), None)
        wide = pl.DataFrame({one: inside.field(one) for one in fields})
        return pl.DataFrame(
            {
                "row": frame["__row"],
                "docid": ids_of(wide, docid),
                "title": texts_of(wide["title"], f"{name}.title", label)
                if "title" in fields
                else pl.Series([None] * len(frame), dtype=pl.String),
                "text": texts_of(wide["text"], f"{name}.text", label),
            }
        )
    return frame.select(
        row="__row",
        docid=pl.lit(None, dtype=pl.String),
        title=pl.lit(None, dtype=pl.String),
        text=texts_of(frame["passage"], name, label),
    )


def from_records(file: Path, label: str, columns: dict[Role, Any] | None, where: Where) -> Rows:
    """The rows of a JSON Lines file.

    Raises:
        Refused: the file is a JSON array, or lines cannot be read. The message has all of them.
    """
    refuse_array(file, label)
    names = names_of(file)
    if not names:
        lines = Faults()
        list(json_lines(file, lines))
        if lines:
            raise Faulty(lines, None)
        return Rows(None, pl.Series([], dtype=pl.Int64), lambda _: iter(()))
    layout = layout_of(names, columns, label)
    refuse_unknown(where, names, label)
    faults, numbers = Faults(), []
    found: dict[str, list] = {name: [] for name in PAIRS}
    for number, record in json_lines(file, faults):
        if any(word(record.get(name)) not in values for name, values in where.items()):
            continue
        try:
            read = list(pairs_of(record, layout))
        except Odd as odd:
            faults.line(label, number, str(odd), odd.remedy)
            continue
        numbers.append(number)
        for values in read:
            for name, value in ({"row": number} | values).items():
                found[name].append(value)
    if faults:
        raise Faulty(faults, None)
    frame = pl.DataFrame(found, schema=PAIRS)

    def blocks(drawn: pl.Series) -> Iterator[tuple[pl.Series, pl.DataFrame]]:
        for start in range(0, len(drawn), BLOCK):
            block = drawn.slice(start, BLOCK)
            yield block, frame.filter(pl.col("row").is_in(block.implode()))

    return Rows(layout, pl.Series(numbers, dtype=pl.Int64), blocks)


def names_of(file: Path) -> list[str]:
    """The keys of all records, in the order of their first occurrence."""
    names: dict[str, None] = {}
    for _, record in json_lines(file, Faults()):
        names.update(dict.fromkeys(record))
    return list(names)


def word(value: Any) -> str:
    """A value as `where` spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def refuse_array(file: Path, label: str) -> None:
    """Raise Refused if a file is one JSON array."""
    with file.open("rb") as opened:
        begin = opened.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin.startswith(b"["):
        raise Refused(
            f"{label} is one JSON array, but Hone reads JSON Lines: one object per line. Convert "
            "the file, and read it with `source: triplets`."
        )


def pairs_of(record: dict, layout: Layout) -> Iterator[dict[str, Any]]:
    """The pairs of a record.

    Raises:
        Odd: a value is not a text, a number or an object with `text`.
    """
    base = {
        "query_id": record_id(record, layout.query_id),
        "query": named(text_of, record.get(layout.query), layout.query),
        "score": None if layout.score is None else score_of(record, layout.score),
    }
    for place, name in enumerate((layout.positive, *layout.negatives)):
        relevance = 0 if place else None if layout.score else 1
        for docid, title, text in record_passages(record.get(name), name):
            yield base | {"relevance": relevance, "docid": docid, "title": title, "text": text}


def record_id(record: dict, name: str | None) -> str | None:
    return None if name is None else named(id_of, record.get(name), name)


def score_of(record: dict, name: str) -> float:
    value = record.get(name)
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise Odd(f"`{name}` is {show_value(value)}, not a number", "Name another column") from None


def record_passages(value: Any, name: str) -> Iterator[tuple[str | None, str | None, str | None]]:
    """docid, title and text of each passage in a value."""
    if isinstance(value, list):
        for one in value:
            yield from record_passages(one, name)
    elif isinstance(value, dict):
        if "text" not in value:
            raise Odd(f"`{name}` has an object without `text`: {show_value(value)}", TEXT_REMEDY)
        docid = next((value[one] for one in ID_NAMES if not missing(value.get(one))), None)
        yield (
            named(id_of, docid, f"id of {name}"),
            named(text_of, value.get("title"), f"title of {name}"),
            named(text_of, value["text"], f"text of {name}"),
        )
    elif not missing(value):
        yield None, None, named(text_of, value, name)


def named(read: Any, value: Any, name: str) -> str | None:
    """A converted value.

    Raises:
        Odd: it cannot be converted. The message begins with the name.
    """
    try:
        return read(value)
    except Odd as odd:
        raise Odd(f"`{name}` is {odd}", odd.remedy) from None
