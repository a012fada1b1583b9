"""Export and import of the judgment log as a Parquet file: one row per verdict, with its answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from hone.errors import Refused, listed
from hone.files import written_whole
from hone.llm.ledger.ledger import FOUND, KEY_BYTES, Ledger, storable

if TYPE_CHECKING:
    from sqlalchemy import Connection

LATER = {"details": pl.String}  # columns that files of an older version lack
SCHEMA = pl.Schema(
    {"judge": pl.String, "description": pl.String, "attempt": pl.Int64} | FOUND | LATER
)
# Columns that identify an answer in another ledger, where its number differs.
OF_ANSWER = [
    "judge",
    "attempt",
    "raw",
    "model",
    "tokens_in",
    "tokens_out",
    "money",
    "seconds",
    "asked_at",
    "run",
]
OF_VERDICT = ["question", "verdict", "grade", "probability", "reason"]
BLOCK = 20_000  # verdicts read or written at once
DEEPEST = (
    20  # maximum nesting of lists and objects in a judge's description; Hone writes three levels
)


def export(ledger: Ledger, file: Path) -> int:
    """Write all verdicts of a ledger with their answers, block by block; returns their number."""
    import pyarrow.parquet

    total = 0
    schema = pl.DataFrame(schema=SCHEMA).to_arrow().schema
    with (
        written_whole(file) as part,
        pyarrow.parquet.ParquetWriter(part, schema, compression="zstd") as writer,
    ):
        for frame in blocks(ledger):
            writer.write_table(frame.to_arrow().cast(schema))
            total += len(frame)
    return total


def blocks(ledger: Ledger) -> Iterator[pl.DataFrame]:
    """All verdicts in order of arrival."""
    from sqlalchemy import select

    from hone.llm.ledger.tables import answers, judges, verdicts

    tables = (verdicts, answers, judges)
    columns = [next(table for table in tables if name in table.c).c[name] for name in SCHEMA]
    joined = verdicts.join(answers, answers.c.number == verdicts.c.answer).outerjoin(
        judges, judges.c.fingerprint == verdicts.c.judge
    )
    query, last = (
        select(verdicts.c.number, *columns)
        .select_from(joined)
        .order_by(verdicts.c.number)
        .limit(BLOCK),
        0,
    )
    while True:
        with ledger.reading() as connection:
            rows = connection.execute(query.where(verdicts.c.number > last)).all()
        if not rows:
            return
        last = rows[-1][0]
        yield pl.DataFrame([tuple(row)[1:] for row in rows], schema=SCHEMA, orient="row")


def add(ledger: Ledger, file: Path) -> tuple[int, int]:
    """Add the answers of a file that the ledger lacks. Existing answers are not changed.

    Args:
        ledger: receives the answers, some thousand verdicts per transaction, each answer whole.
        file: written by `export`, or several such files joined into one.

    Returns:
        Number of answers added, and of answers in the file.

    Raises:
        Refused: the file is not such a file; nothing was imported.
    """
    frame = read(file).unique(maintain_order=True)
    # Rows with the same content and cost belong to one answer, wherever they are in the file.
    hashed = frame.with_row_index("place").with_columns(
        first=pl.col("place").min().over(*OF_ANSWER, "answer")
    )
    # Oldest first, in order of arrival; `copy` numbers identical answers.
    numbered = hashed.sort("asked_at", "first", "place").with_columns(copy=pl.col("first").rle_id())
    for judge, description in (
        frame.group_by("judge").agg(pl.col("description").drop_nulls().first()).rows()
    ):
        if description is not None:
            ledger.describe(judge, json.loads(description))
    added = 0
    ends = numbered["copy"].rle().struct.field("len").cum_sum()
    start = 0
    while start < len(numbered):
        past = ends.filter(ends >= min(start + BLOCK, len(numbered)))[0]
        added += add_block(ledger, numbered[start:past])
        start = past
    return added, numbered["copy"].n_unique()


def add_block(ledger: Ledger, block: pl.DataFrame) -> int:
    """Add those answers of a block that the ledger lacks, in one transaction; returns their
    number.
    """
    from sqlalchemy import insert

    from hone.llm.ledger.tables import alone, answers, verdicts

    with ledger.writing() as connection:
        alone(connection, verdicts)
        recorded = read_verdicts(connection, block)
        # An answer is recorded whole: if its first verdict is there, all are.
        first = block.unique("copy", keep="first", maintain_order=True)
        new = first.join(
            recorded, on=OF_ANSWER + OF_VERDICT, how="anti", nulls_equal=True, maintain_order="left"
        )
        # The same answer under two numbers, if two exports were joined into one file.
        new = new.unique(OF_ANSWER + OF_VERDICT, keep="first", maintain_order=True)
        if new.is_empty():
            return 0
        numbers = connection.execute(
            insert(answers).returning(answers.c.number, sort_by_parameter_order=True),
            new.select(*OF_ANSWER, *LATER).to_dicts(),
        ).scalars()
        own = new.select("copy", answer=pl.Series(list(numbers), dtype=pl.Int64))
        rows = block.drop("answer").join(own, on="copy", maintain_order="left")
        connection.execute(
            insert(verdicts), rows.select("judge", "attempt", "answer", *OF_VERDICT).to_dicts()
        )
    return len(new)


def read_verdicts(connection: Connection, block: pl.DataFrame) -> pl.DataFrame:
    """All verdicts in the ledger on the questions of a block, with their answers."""
    from sqlalchemy import select

    from hone.llm.ledger.tables import answers, verdicts, want, wanted

    want(connection, sorted(set(block["question"])))
    names = OF_ANSWER + OF_VERDICT
    columns = [(answers if name in OF_ANSWER else verdicts).c[name] for name in names]
    rows = connection.execute(
        select(*columns)
        .select_from(verdicts.join(answers, answers.c.number == verdicts.c.answer))
        .where(
            verdicts.c.judge.in_(block["judge"].unique().to_list()),
            verdicts.c.question.in_(select(wanted.c.question)),
        )
    ).all()
    return pl.DataFrame(
        [tuple(row) for row in rows], schema={name: SCHEMA[name] for name in names}, orient="row"
    )


def read(file: Path) -> pl.DataFrame:
    """Read and check an exported file.

    Raises:
        Refused: it does not exist or cannot be read, or a column or a value is invalid.
    """
    if not Path(file).is_file():
        raise Refused(f"{file} does not exist.")
    try:
        found = pl.read_parquet_schema(file)
        if wrong := [
            name for name, kind in SCHEMA.items() if found.get(name, LATER.get(name)) != kind
        ]:
            raise Refused(
                f"{file} is not a judgments file: columns {listed(wrong)} are missing or have "
                "another type. "
                "Use a file that `hone judge log export` wrote."
            )
        frame = pl.read_parquet(file, columns=[name for name in SCHEMA if name in found])
        lacking = (
            pl.lit(None, dtype=kind).alias(name)
            for name, kind in LATER.items()
            if name not in found
        )
        frame = frame.with_columns(lacking).select(list(SCHEMA))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise Refused(
            f"{file} cannot be read as Parquet: {str(error).partition(chr(10))[0][:200]}"
        ) from None
    for name, broken, what in rules():
        if len(rows := frame.select(pl.arg_where(broken.fill_null(False))).to_series()):
            value = str(frame[name][rows[0]])[:80]
            raise Refused(
                f"{file}, row {rows[0] + 1:,}: `{name}` {what}: {value!r}. {len(rows):,} such "
                "rows. Nothing was imported."
            )
    # In the form in which the database stores it, so that existing answers are recognized.
    texts = pl.col([name for name, kind in SCHEMA.items() if kind == pl.String]).str.replace_all(
        "\0", storable("\0"), literal=True
    )
    return frame.with_columns(texts, pl.col("grade", "probability").fill_nan(None))


def rules() -> Iterator[tuple[str, pl.Expr, str]]:
    """Column, condition for an invalid row, and error text."""
    for name in SCHEMA:
        if name not in ("description", "model", "grade", "probability", "reason", "details"):
            yield name, pl.col(name).is_null(), "is missing"
    yield "judge", ~pl.col("judge").str.len_chars().is_between(1, 64), "is not a fingerprint"
    yield "question", pl.col("question").bin.size() != KEY_BYTES, f"is not a {KEY_BYTES}-byte hash"
    yield (
        "verdict",
        ~pl.col("verdict").is_in(["positive", "negative", "unknown"]),
        "is not positive, negative or unknown",
    )
    yield (
        "probability",
        ~pl.col("probability").fill_nan(None).is_between(0, 1),
        "is not between 0 and 1",
    )
    for name in ("description", "details"):
        yield (
            name,
            ~pl.col(name).map_elements(is_object, return_dtype=pl.Boolean),
            f"is not a JSON object of at most {DEEPEST} levels",
        )
    yield (
        "asked_at",
        ~pl.col("asked_at").str.contains(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"),
        "is not a time such as 2026-01-31T12:00:00Z",
    )
    for name in ("tokens_in", "tokens_out", "attempt"):
        yield name, ~pl.col(name).is_between(0, 2**31 - 1), "is not a count"
    for name in ("money", "seconds"):
        yield name, ~(pl.col(name).is_finite() & (pl.col(name) >= 0)), "is not an amount"


def is_object(text: str) -> bool:
    """Whether a text is a JSON object that is not nested too deeply for a description."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) and shallow(read)


def shallow(value: object, levels: int = DEEPEST) -> bool:
    """Whether lists and objects in a JSON value have at most this many levels."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(
        shallow(item, levels - 1) for item in inner if isinstance(item, dict | list)
    )
