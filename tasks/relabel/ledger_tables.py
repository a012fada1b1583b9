"""The ledger's tables, and how a database that holds them is opened."""

from __future__ import annotations

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
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from tasks.errors import Refused, listed

LAYOUT = 1
WAIT = 60  # seconds for another process's transaction
LOCK = 0x686F6E65  # of PostgreSQL, while tables are made ("hone")
MEANT = "It should look like postgresql+psycopg://user:password@host/name or sqlite:////path/to/judgments.db."

# SQLite numbers rows of this type alone by itself.
Number = BigInteger().with_variant(Integer, "sqlite")
kept = MetaData()

layout = Table("layout", kept, Column("version", Integer, primary_key=True, autoincrement=False))
judges = Table(
    "judges", kept, Column("fingerprint", String(64), primary_key=True), Column("description", Text), Column("since", String(32))
)
answers = Table(
    "answers",
    kept,
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
)
verdicts = Table(
    "verdicts",
    kept,
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
    kept,
    Column("judge", String(64), primary_key=True),
    Column("question", LargeBinary(16), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Float, nullable=False),
)
# What a look-up asks for; of one connection.
wanted = Table("wanted", MetaData(), Column("question", LargeBinary(16), primary_key=True), prefixes=["TEMPORARY"])


def opened(url: str | URL) -> Engine:
    """The database of a URL, its tables made where they are missing.

    Raises:
        Refused: the URL cannot be meant, its driver is not installed, nothing answers, or the database is another's.
    """
    parsed = read(url)
    local = parsed.get_backend_name() == "sqlite"
    try:
        engine = create_engine(parsed, **({"connect_args": {"timeout": WAIT}} if local else {"pool_pre_ping": True}))
        if local:
            as_sqlite(engine)
        with engine.execution_options(writes=False).connect() as connection:
            known = there(connection, parsed)
        if not known:
            with engine.begin() as connection:
                if not local:
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
                if not there(connection, parsed):  # nobody has made them meanwhile
                    make(connection)
    except ImportError as error:
        raise Refused(f"the driver of {plain(parsed)} is not installed: `pip install {error.name}` in this environment.") from None
    except DBAPIError as error:
        raise Refused(
            f"the ledger {plain(parsed)} cannot be opened: {because(error, parsed)}. Check that it exists and may be written."
        ) from None
    except (TypeError, ValueError) as error:  # what stands behind the question mark goes to the driver
        raise Refused(f"the ledger {plain(parsed)} cannot be opened with these options ({type(error).__name__}). {MEANT}") from None
    return engine


def read(url: str | URL) -> URL:
    """A URL as SQLAlchemy understands it.

    Raises:
        Refused: it is none, or one of a database that cannot hold a ledger. The sentence does not repeat it.
    """
    try:
        parsed = make_url(url)
        waits = parsed.get_dialect().is_async
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise Refused(f"HONE_LEDGER is no database that can be reached ({type(error).__name__}). {MEANT}") from None
    except ImportError as error:
        raise Refused(f"the driver of HONE_LEDGER is not installed: `pip install {error.name}` in this environment.") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise Refused(f"HONE_LEDGER names a database of {parsed.get_backend_name()}; a ledger is SQLite or PostgreSQL. {MEANT}")
    if waits:
        raise Refused(f"HONE_LEDGER names the asynchronous driver {parsed.get_driver_name()}, which the ledger does not use. {MEANT}")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise Refused(f"HONE_LEDGER names a database in memory, which forgets what was paid for. {MEANT}")
    if parsed.get_backend_name() == "sqlite" and not (parsed.database.startswith("file:") or Path(parsed.database).is_absolute()):
        raise Refused(f"HONE_LEDGER names {parsed.database}, which is another file in every folder that Hone runs in. {MEANT}")
    return parsed


def there(connection: Connection, url: URL) -> bool:
    """Whether a database holds a ledger.

    Raises:
        Refused: it holds one of another layout, or another's tables.
    """
    names = set(inspect(connection).get_table_names())
    if connection.dialect.name != "sqlite" or "layout" in names:
        names &= set(kept.tables)  # others may stand beside ours; but a file of SQLite is a ledger or it is another's
    version = connection.execute(select(layout.c.version)).scalar() if "layout" in names else None
    if version is None and names:
        raise Refused(f"{plain(url)} is no ledger, but has tables of its own ({listed(sorted(names))}): name another in HONE_LEDGER.")
    if version not in (None, LAYOUT):
        raise Refused(f"the ledger {plain(url)} has layout {version}, this version of Hone knows {LAYOUT}: use the other version of Hone.")
    return version is not None


def make(connection: Connection) -> None:
    """The tables, whose answers and verdicts cannot be changed or deleted; all of it or nothing."""
    kept.create_all(connection)
    connection.execute(insert(layout).values(version=LAYOUT))
    local = connection.dialect.name == "sqlite"
    if not local:
        connection.execute(
            text(
                "CREATE FUNCTION only_added() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN RAISE EXCEPTION $$the ledger is only added to$$; END'"
            )
        )
    for table in ("answers", "verdicts"):
        for action in ("UPDATE", "DELETE"):
            does = "BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END" if local else "EXECUTE FUNCTION only_added()"
            of_each = "" if local else "FOR EACH ROW"
            connection.execute(text(f"CREATE TRIGGER {table}_{action.lower()} BEFORE {action} ON {table} {of_each} {does}"))


def as_sqlite(engine: Engine) -> None:
    """Readers beside one writer, and transactions that are locked from their first word.

    `synchronous=NORMAL`: a process that is killed loses nothing; a machine that loses its power may lose the last seconds.
    """

    @event.listens_for(engine, "connect")
    def connected(connection, _) -> None:
        connection.isolation_level = None
        with_readers(connection)
        for setting in ("synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-65536"):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begun(connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes", True) else "BEGIN")


def with_readers(connection: sqlite3.Connection) -> None:
    """WAL, which is a file's for ever. Two who open a new file at once: SQLite tells one of them that it is locked, without waiting."""
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
    """An INSERT that leaves alone what is there already."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table).on_conflict_do_nothing()


def want(connection: Connection, questions: Sequence[bytes]) -> None:
    """Put questions, each once, into the table `wanted` of a connection."""
    wanted.create(connection, checkfirst=True)
    connection.execute(wanted.delete())
    connection.execute(insert(wanted), [{"question": question} for question in questions])


def alone(connection: Connection, table: Table) -> None:
    """Nobody else writes this table until the transaction ends; SQLite has but one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))


def plain(url: str | URL) -> str:
    """A URL without its password, and without what stands behind the question mark, which may hold another."""
    return make_url(url).set(query={}).render_as_string(hide_password=True)


def because(error: DBAPIError, url: str | URL) -> str:
    """What a database complains of, in one line, without the password."""
    said = " ".join(str(error.orig).split())
    password = make_url(url).password
    return said.replace(str(password), "***") if password else said
