"""The tables of the judgment log, and the code that opens its database."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from hone.errors import Refused, listed
from hone.stage import say

LAYOUT = 2
WAIT = 60  # seconds for another process's transaction
PATIENCE = 3600  # seconds for another process that creates or migrates the tables
LOCK = 0x686F6E65  # PostgreSQL's lock while tables are created or migrated ("hone")
LEAST_HIDDEN = 4  # minimum length of an option that is removed from messages
PRIVATE = 0o600  # mode of a file with judgments, which quote private texts
MEANT = (
    "It should look like postgresql+psycopg://user:password@host/name or "
    "sqlite:////path/to/judgments.db."
)

# SQLite numbers rows automatically only with this type.
Number = BigInteger().with_variant(Integer, "sqlite")
metadata = MetaData()

layout = Table(
    "layout", metadata, Column("version", Integer, primary_key=True, autoincrement=False)
)
judges = Table(
    "judges",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("description", Text),
    Column("since", String(32)),
)
answers = Table(
    "answers",
    metadata,
    Column("number", Number, primary_key=True),
    Column("judge", String(64), nullable=False, index=True),
    Column("raw", Text, nullable=False),
    Column("model", Text),
    Column("tokens_in", Integer, nullable=False),
    Column("tokens_out", Integer, nullable=False),
    Column("money", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("asked_at", String(32), nullable=False),
    Column("run", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("details", Text),
)
verdicts = Table(
    "verdicts",
    metadata,
    Column("number", Number, primary_key=True),
    Column("judge", String(64), nullable=False),
    Column("question", LargeBinary(16), nullable=False),
    Column("answer", Number, ForeignKey("answers.number"), nullable=False),
    Column("verdict", String(8), nullable=False),
    Column("grade", Float),
    Column("probability", Float),
    Column("reason", Text),
    Column("attempt", Integer, nullable=False),
    Index("verdicts_by_question", "judge", "question"),
)
claims = Table(
    "claims",
    metadata,
    Column("judge", String(64), primary_key=True),
    Column("question", LargeBinary(16), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Float, nullable=False),
)
# Texts that a model has generated, each from an answer. `judge` is the fingerprint of that model.
completions = Table(
    "completions",
    metadata,
    Column("number", Number, primary_key=True),
    Column("judge", String(64), nullable=False),
    Column("question", LargeBinary(16), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("answer", Number, ForeignKey("answers.number"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Index("completions_by_question", "judge", "question", "kind"),
)
# What one judge has spent on one set of questions, and what is reserved for its calls that have not
# ended: the sum of both.
budgets = Table(
    "budgets",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("pairs", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("money", Float, nullable=False),
)
# Calls that have not ended. Calls of a killed process stay, and count as spent.
reservations = Table(
    "reservations",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("account", String(64), ForeignKey("budgets.account"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("since", String(32), nullable=False),
    Column("pairs", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("money", Float, nullable=False),
    Index("reservations_by_account", "account"),
)
APPENDED = ("answers", "verdicts", "completions")  # tables whose rows cannot be changed or deleted
# Questions of a look-up; one table per connection.
wanted = Table(
    "wanted",
    MetaData(),
    Column("question", LargeBinary(16), primary_key=True),
    prefixes=["TEMPORARY"],
)


def opened(url: str | URL) -> Engine:
    """Open the database at a URL. Missing tables are created, and older layouts are migrated.

    Raises:
        Refused: the URL is malformed, its driver is not installed, the server does not respond, the
            database belongs to another program, or a newer version of Hone created its tables.
    """
    parsed = read(url)
    local = parsed.get_backend_name() == "sqlite"
    try:
        engine = create_engine(
            parsed, **({"connect_args": {"timeout": WAIT}} if local else {"pool_pre_ping": True})
        )
        if local:
            make_private(parsed)
            as_sqlite(engine)
        with engine.execution_options(writes=False).connect() as connection:
            known = layout_of(connection, parsed)
        if known != LAYOUT:
            bring_up(engine, parsed)
    except ImportError as error:
        raise Refused(
            f"the driver of {plain(parsed)} is not installed. Run `pip install {error.name}` in "
            "this environment."
        ) from None
    except DBAPIError as error:
        raise Refused(
            f"the judgment log {plain(parsed)} cannot be opened: {because(error, parsed)}. Check "
            "that it exists and is writable."
        ) from None
    except (
        ArgumentError,
        TypeError,
        ValueError,
    ) as error:  # options after the question mark are passed to the driver
        raise Refused(
            f"the judgment log {plain(parsed)} cannot be opened with these options "
            f"({type(error).__name__}). {MEANT}"
        ) from None
    return engine


def bring_up(engine: Engine, url: URL) -> None:
    """Create the tables, or migrate them to this layout, in one transaction. Only one of several
    concurrent processes does it.
    """
    from hone.llm.ledger.layout import migrate

    until, logged, done = time.monotonic() + PATIENCE, False, None
    while True:
        try:
            with engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
                known = layout_of(connection, url)  # another process may have been first
                if known is None:
                    make(connection)
                elif known < LAYOUT:
                    done = migrate(connection, known)
            break
        except OperationalError as error:
            # Another process may take longer to copy a large file than a transaction may wait.
            if "database is locked" not in str(error.orig) or time.monotonic() >= until:
                raise
            if not logged:
                say(f"waiting for another process that is writing to the judgment log {plain(url)}")
            logged = True
    if done:
        say(done)


def make_private(url: URL) -> None:
    """Create the file of a new ledger, readable only by its owner. Restrict a file that only a
    umask has opened to others.

    A file that others may write is shared on purpose, so its mode is not changed.
    """
    if url.database.startswith("file:"):
        return
    file = Path(url.database)
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, PRIVATE))
        mode = file.stat().st_mode & 0o777
        if mode & 0o044 and not mode & 0o022:
            for suffix in ("", "-wal", "-shm"):
                if (part := file.with_name(file.name + suffix)).exists():
                    part.chmod(PRIVATE)
    except OSError:
        return  # SQLite reports the error


def read(url: str | URL) -> URL:
    """Parse a URL for SQLAlchemy.

    Raises:
        Refused: it is not a URL, or its database cannot hold a ledger. The message does not repeat
            the URL.
    """
    try:
        parsed = make_url(url)
        waits = parsed.get_dialect().is_async
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise Refused(
            f"HONE_LEDGER is not a valid database URL ({type(error).__name__}). {MEANT}"
        ) from None
    except ImportError as error:
        raise Refused(
            f"the driver of HONE_LEDGER is not installed. Run `pip install {error.name}` in this "
            "environment."
        ) from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise Refused(
            f"HONE_LEDGER names a {parsed.get_backend_name()} database. Use SQLite or PostgreSQL. "
            f"{MEANT}"
        )
    if waits:
        raise Refused(
            f"HONE_LEDGER names the asynchronous driver {parsed.get_driver_name()}, which is not "
            f"supported. {MEANT}"
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise Refused(
            f"HONE_LEDGER names a database in memory, which loses all paid answers. {MEANT}"
        )
    if parsed.get_backend_name() == "sqlite" and not (
        parsed.database.startswith("file:") or Path(parsed.database).is_absolute()
    ):
        raise Refused(
            f"HONE_LEDGER names {parsed.database}, a relative path. Use an absolute path. {MEANT}"
        )
    return parsed


def layout_of(connection: Connection, url: URL) -> int | None:
    """The layout version of the ledger in a database; null if there is none.

    Raises:
        Refused: it has a newer layout, or the tables of another program.
    """
    names = set(inspect(connection).get_table_names())
    if connection.dialect.name != "sqlite" or "layout" in names:
        names &= set(metadata.tables)  # a server may hold other tables too; an SQLite file may not
    version = connection.execute(select(layout.c.version)).scalar() if "layout" in names else None
    if version is None and names:
        raise Refused(
            f"{plain(url)} is not a judgment log: it has the tables {listed(sorted(names))}. Set "
            "HONE_LEDGER to another."
        )
    if version is not None and version > LAYOUT:
        raise Refused(
            f"the judgment log {plain(url)} has layout {version}, from a newer Hone. This version "
            f"supports layouts up to {LAYOUT}. "
            "Update this checkout (`git pull`, `make setup`), or set HONE_LEDGER to another "
            "database."
        )
    return version


def make(connection: Connection) -> None:
    """Create the tables, and triggers that protect the rows of APPENDED, in one transaction."""
    metadata.create_all(connection)
    connection.execute(insert(layout).values(version=LAYOUT))
    if connection.dialect.name == "postgresql":
        connection.execute(
            text(
                "CREATE FUNCTION only_added() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN RAISE EXCEPTION $$the ledger is only added to$$; END'"
            )
        )
    for table in APPENDED:
        protect(connection, table)


def protect(connection: Connection, table: str) -> None:
    """Triggers that reject changes and deletions of a table's rows."""
    local = connection.dialect.name == "sqlite"
    does = (
        "BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END"
        if local
        else "EXECUTE FUNCTION only_added()"
    )
    for action in ("UPDATE", "DELETE"):
        of_each = "" if local else "FOR EACH ROW"
        connection.execute(
            text(
                f"CREATE TRIGGER {table}_{action.lower()} BEFORE {action} ON {table} {of_each} "
                f"{does}"
            )
        )


def as_sqlite(engine: Engine) -> None:
    """Allow readers beside one writer, and lock transactions from their first statement.

    A transaction with the option `durable` is on the disk when it ends, with all before it. It
    survives a power cut. The others survive a kill of the process, but not always a power cut.
    """

    @event.listens_for(engine, "connect")
    def connected(connection, _) -> None:
        connection.isolation_level = None
        with_readers(connection)
        for setting in (
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-65536",
        ):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begun(connection) -> None:
        options = connection.get_execution_options()
        level = "FULL" if options.get("durable") else "NORMAL"
        if connection.info.get("synchronous", "NORMAL") != level:
            connection.exec_driver_sql(f"PRAGMA synchronous={level}")
            connection.info["synchronous"] = level
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes", True) else "BEGIN")


def with_readers(connection: sqlite3.Connection) -> None:
    """Switch to WAL, which is permanent for a file. If two processes open a new file at once,
    SQLite reports a lock to one of them.
    """
    until = time.monotonic() + WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= until:
                raise
            time.sleep(random.uniform(0, 0.05))


def insert_new(connection: Connection, table: Table) -> Insert:
    """An INSERT that skips existing rows."""
    return (
        (sqlite if connection.dialect.name == "sqlite" else postgresql)
        .insert(table)
        .on_conflict_do_nothing()
    )


def want(connection: Connection, questions: Sequence[bytes]) -> None:
    """Insert questions, each once, into a connection's table `wanted`."""
    wanted.create(connection, checkfirst=True)
    connection.execute(wanted.delete())
    connection.execute(insert(wanted), [{"question": question} for question in questions])


def alone(connection: Connection, table: Table) -> None:
    """Block other writers of this table until the transaction ends. SQLite has only one writer
    anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))


def plain(url: str | URL) -> str:
    """A URL without its password and without its options, which may contain another."""
    return make_url(url).set(query={}).render_as_string(hide_password=True)


def because(error: DBAPIError, url: str | URL) -> str:
    """A database error in one line, without the password and the options, which may contain
    another.
    """
    message, parsed = " ".join(str(error.orig).split()), make_url(url)
    options = [value for values in parsed.normalized_query.values() for value in values]
    for secret in filter(
        None, (parsed.password, *(value for value in options if len(value) >= LEAST_HIDDEN))
    ):
        message = message.replace(str(secret), "***")
    return message


def clock_of(connection: Connection) -> float:
    """Seconds since 1970 by the clock that all users of the database share: the server's, or
    this machine's with SQLite.
    """
    if connection.dialect.name == "postgresql":
        return float(
            connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar()
        )
    return time.time()
