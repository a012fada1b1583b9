"""The ledger's tables, and how a database that holds them is opened."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from tasks.errors import Refused

LAYOUT = 1
WAIT = 60  # seconds for another process's transaction

# SQLite numbers rows of this type alone by itself.
Number = BigInteger().with_variant(Integer, "sqlite")
kept = MetaData()

layout = Table("layout", kept, Column("version", Integer, primary_key=True))
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


def opened(url: str) -> Engine:
    """The database of a URL, its tables made where they are missing.

    Raises:
        Refused: the URL cannot be meant, its driver is not installed, nothing answers, or the layout is another.
    """
    try:
        parsed = make_url(url)
        local = parsed.get_backend_name() == "sqlite"
        engine = create_engine(parsed, connect_args={"timeout": WAIT} if local else {})
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise Refused(
            f"HONE_LEDGER is no database that can be reached ({type(error).__name__}). It should look like "
            "postgresql+psycopg://user:password@host/name, its driver being installed, or sqlite:////path/to/judgments.db."
        ) from None
    if local:
        as_sqlite(engine)
    try:
        with engine.begin() as connection:
            kept.create_all(connection)
            version = connection.execute(select(layout.c.version)).scalar()
            if version is None:
                connection.execute(insert(layout).values(version=LAYOUT))
                if local:
                    only_added(connection)
    except DBAPIError as error:
        raise Refused(f"the ledger {plain(url)} cannot be opened: {error.orig}. Check that it exists and may be written.") from None
    if version not in (None, LAYOUT):
        raise Refused(f"the ledger {plain(url)} has layout {version}, this version of Hone knows {LAYOUT}: use the newer version of Hone.")
    return engine


def as_sqlite(engine: Engine) -> None:
    """Readers beside one writer, transactions that are locked from their first word, rows that must fit."""

    @event.listens_for(engine, "connect")
    def connected(connection, _) -> None:
        connection.isolation_level = None
        for setting in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begun(connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes", True) else "BEGIN")


def only_added(connection) -> None:
    """Triggers that refuse to change or delete what was answered."""
    for table in ("answers", "verdicts"):
        for action in ("UPDATE", "DELETE"):
            connection.execute(
                text(
                    f"CREATE TRIGGER IF NOT EXISTS {table}_{action.lower()} BEFORE {action} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END"
                )
            )


def plain(url: str) -> str:
    """A URL without its password."""
    return make_url(url).render_as_string(hide_password=True)
