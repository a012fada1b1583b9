"""Migrations of the ledger's tables: one step per layout, in one transaction, after a copy of the
SQLite file.

Each step contains the table definitions of its layout, so that later changes of tables.py do not
affect it. Alembic does not fit: its version table would duplicate `layout`, which older versions of
Hone check before they open a ledger. Its SQLite migrations are not transactional either
(`SQLiteImpl.transactional_ddl` is false).
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

MARGIN = 1.1  # disk space needed for a copy, relative to the file size


def migrate(connection: Connection, version: int) -> str:
    """Migrate the tables from an older layout to this one, in the transaction of a connection
    without concurrent writers.

    Args:
        connection: of the ledger.
        version: its layout.

    Returns:
        A sentence about the migration, for a log line after the transaction.

    Raises:
        Refused: the disk is too full for the copy, or no step leads from this layout; nothing was
            changed.
    """
    if missing := [number for number in range(version + 1, LAYOUT + 1) if number not in STEPS]:
        raise Refused(
            f"the judgment log has layout {version}, which this version of Hone cannot migrate "
            f"(there is no step to {missing[0]})."
        )
    copy = copied(connection, version)
    for number in range(version + 1, LAYOUT + 1):
        STEPS[number](connection)
    connection.execute(update(layout).values(version=LAYOUT))
    note = f" The original is in {copy}. Delete it once everything works." if copy else ""
    return f"the judgment log is migrated from layout {version} to {LAYOUT}.{note}"


def copied(connection: Connection, version: int) -> Path | None:
    """Copy a ledger's file to its folder; null with PostgreSQL, where a failed transaction changes
    nothing.

    The caller's transaction prevents concurrent writes.
    """
    if connection.dialect.name != "sqlite":
        return None
    file = Path(
        next(
            row[2] for row in connection.exec_driver_sql("PRAGMA database_list") if row[1] == "main"
        )
    )
    copy = file.with_name(f"{file.name}.layout-{version}")
    try:
        needed, free = MARGIN * file.stat().st_size, shutil.disk_usage(file.parent).free
        if needed > free:
            raise Refused(
                f"the judgment log {file} needs a migration to layout {LAYOUT}. Its copy needs "
                f"{needed / 1e6:,.0f} MB, but only "
                f"{free / 1e6:,.0f} MB are free. Free disk space and run the same command again; "
                "nothing was changed."
            )
        with (
            written_whole(copy, PRIVATE) as part,
            closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(part)) as made,
        ):
            source.backup(made)
            if (found := made.execute("PRAGMA quick_check").fetchone()) != ("ok",):
                raise Refused(
                    f"the judgment log {file} is damaged ({found[0]}). Restore it from a backup "
                    "before the migration."
                )
            made.execute("PRAGMA journal_mode=DELETE")  # the copy is one file
    except (OSError, sqlite3.Error) as error:
        raise Refused(
            f"the judgment log {file} needs a migration to layout {LAYOUT}, but cannot be copied "
            f"to {copy} ({error}). Free disk space or "
            "check the folder's permissions, then run the same command again; nothing was changed."
        ) from None
    return copy


def to_2(connection: Connection) -> None:
    """Budgets with reservations, completions (texts that a model has generated), and details of
    answers.
    """
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
