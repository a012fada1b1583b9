"""Migrations of the ledger's tables: a step for each layout, in one transaction, after a file of SQLite has been copied.

Each step is written out as it was when its layout was new: a later change of ledger_tables.py must not change what it does.
Why not alembic: its table of versions would stand beside `layout`, by which every version of Hone refuses what it does not know,
and its migrations of SQLite are not transactional (`SQLiteImpl.transactional_ddl` is false).
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
    update,
)

from hone.errors import Refused
from hone.files import written_whole
from hone.llm.ledger.tables import LAYOUT, PRIVATE, Number, layout, protect

MARGIN = 1.1  # room for a copy, in sizes of the file


def migrate(connection: Connection, version: int) -> str:
    """Bring the tables from an older layout to this one, within the transaction of a connection that nobody else writes beside.

    Args:
        connection: of the ledger.
        version: its layout.

    Returns:
        A sentence on what was done, once the transaction has ended.

    Raises:
        Refused: there is no room for the copy, or no way from this layout; nothing was changed.
    """
    if missing := [number for number in range(version + 1, LAYOUT + 1) if number not in STEPS]:
        raise Refused(f"the ledger has layout {version}, which this version of Hone cannot migrate (there is no step to {missing[0]}).")
    copy = copied(connection, version)
    for number in range(version + 1, LAYOUT + 1):
        STEPS[number](connection)
    connection.execute(update(layout).values(version=LAYOUT))
    kept = f" A copy as it was is in {copy}: delete it once everything works." if copy else ""
    return f"the ledger is migrated from layout {version} to {LAYOUT}.{kept}"


def copied(connection: Connection, version: int) -> Path | None:
    """A whole copy of a ledger's file beside it; null with PostgreSQL, where a transaction that fails leaves all as it was.

    The caller's transaction keeps others from writing meanwhile.
    """
    if connection.dialect.name != "sqlite":
        return None
    file = Path(next(row[2] for row in connection.exec_driver_sql("PRAGMA database_list") if row[1] == "main"))
    copy = file.with_name(f"{file.name}.layout-{version}")
    try:
        needed, free = MARGIN * file.stat().st_size, shutil.disk_usage(file.parent).free
        if needed > free:
            raise Refused(
                f"the ledger {file} is to be migrated to layout {LAYOUT}, and its copy needs {needed / 1e6:,.0f} MB where "
                f"{free / 1e6:,.0f} MB are free. Free some space and run the same command again; nothing was changed."
            )
        with (
            written_whole(copy, PRIVATE) as part,
            closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(part)) as made,
        ):
            source.backup(made)
            if (found := made.execute("PRAGMA quick_check").fetchone()) != ("ok",):
                raise Refused(f"the ledger {file} is damaged ({found[0]}): restore it from a backup before it is migrated.")
            made.execute("PRAGMA journal_mode=DELETE")  # the copy is one file
    except (OSError, sqlite3.Error) as error:
        raise Refused(
            f"the ledger {file} is to be migrated to layout {LAYOUT} and cannot be copied to {copy} ({error}). Free some space or check "
            "the folder's permissions, and run the same command again; nothing was changed."
        ) from None
    return copy


def to_2(connection: Connection) -> None:
    """Budgets with reservations, completions (texts that a model has generated), and details of answers."""
    made = MetaData()
    Table("answers", made, Column("number", Number, primary_key=True))
    completions = Table(
        "completions",
        made,
        Column("number", Number, primary_key=True),
        Column("judge", String(64), nullable=False),
        Column("question", LargeBinary(16), nullable=False),
        Column("kind", String(32), nullable=False),
        Column("text", Text, nullable=False),
        Column("answer", Number, ForeignKey("answers.number"), nullable=False),
        Column("attempt", Integer, nullable=False),
        Index("completions_by_question", "judge", "question", "kind"),
    )
    budgets = Table(
        "budgets",
        made,
        Column("account", String(64), primary_key=True),
        Column("pairs", BigInteger, nullable=False),
        Column("tokens", BigInteger, nullable=False),
        Column("money", Float, nullable=False),
    )
    reservations = Table(
        "reservations",
        made,
        Column("name", String(32), primary_key=True),
        Column("account", String(64), ForeignKey("budgets.account"), nullable=False),
        Column("owner", Text, nullable=False),
        Column("since", String(32), nullable=False),
        Column("pairs", BigInteger, nullable=False),
        Column("tokens", BigInteger, nullable=False),
        Column("money", Float, nullable=False),
        Index("reservations_by_account", "account"),
    )
    made.create_all(connection, tables=[completions, budgets, reservations], checkfirst=False)
    protect(connection, "completions")
    connection.execute(text("ALTER TABLE answers ADD COLUMN details TEXT"))


STEPS: dict[int, Callable[[Connection], None]] = {2: to_2}
