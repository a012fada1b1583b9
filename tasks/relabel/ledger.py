"""The ledger: every answer that a judge ever gave, kept the moment it arrives, found by the texts that were judged.

SQLite (WAL) in HONE_HOME, or any database that SQLAlchemy reaches, by the variable HONE_LEDGER. Answers and verdicts are only ever
added.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tasks.errors import Refused
from tasks.files import alive, home

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

KEY_BYTES = 16
CHUNK = 20_000  # questions looked up at once
LEASE = 900.0  # seconds after which another process may ask what this one claimed
FOUND = {
    "question": pl.Binary, "verdict": pl.String, "grade": pl.Float64, "probability": pl.Float64, "reason": pl.String, "answer": pl.Int64,
    "raw": pl.String, "model": pl.String, "tokens_in": pl.Int64, "tokens_out": pl.Int64, "money": pl.Float64, "seconds": pl.Float64,
    "asked_at": pl.String, "run": pl.String,
}  # fmt: skip


def question_key(query: str, document: str, positives: Sequence[str] = ()) -> bytes:
    """The 16 bytes by which a question is found: a hash of the texts that a judge is shown."""
    total = hashlib.blake2b(digest_size=KEY_BYTES)
    for text in (query, document, *positives):
        raw = text.encode()
        total.update(len(raw).to_bytes(8, "little"))
        total.update(raw)
    return total.digest()


@dataclass(frozen=True)
class Answer:
    """What came back from a judge, and what it cost: tokens read and written, money, seconds."""

    raw: str
    model: str | None
    tokens_in: int
    tokens_out: int
    money: float
    seconds: float


@dataclass(frozen=True)
class Verdict:
    """What an answer says of one question."""

    question: bytes
    verdict: str
    grade: float | None = None
    probability: float | None = None
    reason: str | None = None


class Ledger:
    """All judgments of this machine, or of all that share a database.

    Args:
        url: SQLAlchemy's; null: HONE_LEDGER, or judgments.db in HONE_HOME.

    Raises:
        Refused: there is no such database, or it cannot be opened or is of another layout.
    """

    def __init__(self, url: str | None = None) -> None:
        from tasks.relabel.ledger_tables import opened

        self.url = url or os.environ.get("HONE_LEDGER") or f"sqlite:///{home() / 'judgments.db'}"
        self.engine: Engine = opened(self.url)
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{started(os.getpid())}"

    def describe(self, judge: str, description: dict) -> None:
        """Keep what a judge is, once."""
        from sqlalchemy import insert, select

        from tasks.relabel.ledger_tables import judges

        with self._writing() as connection:
            if connection.execute(select(judges.c.fingerprint).where(judges.c.fingerprint == judge)).first() is None:
                told = json.dumps(description, sort_keys=True, ensure_ascii=False)
                connection.execute(insert(judges).values(fingerprint=judge, description=told, since=now()))

    def find(self, judge: str, questions: Sequence[bytes], retry: int = 0) -> pl.DataFrame:
        """What a judge has said of questions.

        Args:
            judge: its fingerprint.
            questions: keys; those that it was never asked have no row.
            retry: unknown verdicts of an earlier attempt than this are left out.

        Returns:
            One row a question: the newest verdict that is known, else the newest unknown one.
        """
        with self._reading() as connection:
            chunks = batched(dict.fromkeys(questions), CHUNK)
            parts = [newest(self._rows(connection, judge, chunk, retry)) for chunk in chunks]
        return pl.concat([pl.DataFrame(schema=FOUND), *parts])

    def claim(self, judge: str, questions: Sequence[bytes]) -> set[bytes]:
        """Reserve questions for this process; returns those that no other living process is asking now.

        A claim holds for a quarter of an hour, or until its process ends; claiming again renews it.
        """
        from sqlalchemy import delete, insert, select, update

        from tasks.relabel.ledger_tables import claims

        wanted, until = list(dict.fromkeys(questions)), time.time() + LEASE
        mine: set[bytes] = set()
        with self._writing() as connection:
            for chunk in batched(wanted, 500):
                here = (claims.c.judge == judge) & claims.c.question.in_(chunk)
                held = connection.execute(select(claims.c.question, claims.c.owner, claims.c.until).where(here)).all()
                taken = {question for question, owner, end in held if owner != self.owner and end > time.time() and lives(owner)}
                stale = [question for question, owner, _ in held if question not in taken and owner != self.owner]
                if stale:
                    connection.execute(delete(claims).where(claims.c.judge == judge, claims.c.question.in_(stale)))
                own = {question for question, owner, _ in held if owner == self.owner}
                if own:
                    connection.execute(update(claims).where(claims.c.judge == judge, claims.c.question.in_(own)).values(until=until))
                new = [question for question in chunk if question not in taken and question not in own]
                if new:
                    rows = [{"judge": judge, "question": question, "owner": self.owner, "until": until} for question in new]
                    connection.execute(insert(claims), rows)
                mine |= own | set(new)
        return mine

    def release(self, judge: str, questions: Sequence[bytes]) -> None:
        """Give claims back without an answer."""
        with self._writing() as connection:
            self._release(connection, judge, questions)

    def record(self, judge: str, answer: Answer, verdicts: Sequence[Verdict], run: str, retry: int = 0) -> int:
        """Keep an answer with all that it says, and give back the claims; all of it or nothing. Returns the answer's number."""
        from sqlalchemy import insert

        from tasks.relabel.ledger_tables import answers
        from tasks.relabel.ledger_tables import verdicts as kept

        with self._writing() as connection:
            values = {**vars(answer), "judge": judge, "asked_at": now(), "run": run, "attempt": retry}
            number = connection.execute(insert(answers).values(**values)).inserted_primary_key[0]
            rows = [{"judge": judge, "answer": number, "attempt": retry, **vars(verdict)} for verdict in verdicts]
            if rows:
                connection.execute(insert(kept), rows)
                self._release(connection, judge, [verdict.question for verdict in verdicts])
        return number

    def reported(self, judge: str) -> str | None:
        """The model name that a judge's first answer carried."""
        from sqlalchemy import select

        from tasks.relabel.ledger_tables import answers

        with self._reading() as connection:
            query = (
                select(answers.c.model).where(answers.c.judge == judge, answers.c.model.is_not(None)).order_by(answers.c.number).limit(1)
            )
            return connection.execute(query).scalar()

    def seconds_per_verdict(self, judge: str) -> float | None:
        """Mean seconds of a judge's answers for each pair they were about; null where it never answered."""
        from sqlalchemy import func, select

        from tasks.relabel.ledger_tables import answers
        from tasks.relabel.ledger_tables import verdicts as kept

        with self._reading() as connection:
            total = connection.execute(select(func.sum(answers.c.seconds)).where(answers.c.judge == judge)).scalar()
            count = connection.execute(select(func.count()).select_from(kept).where(kept.c.judge == judge)).scalar()
        return total / count if count else None

    def _rows(self, connection: Connection, judge: str, questions: Sequence[bytes], retry: int) -> pl.DataFrame:
        """Every verdict of a judge on these questions, with its answer, in the order in which they were given."""
        from sqlalchemy import insert, select

        from tasks.relabel.ledger_tables import answers, wanted
        from tasks.relabel.ledger_tables import verdicts as kept

        wanted.create(connection, checkfirst=True)
        connection.execute(wanted.delete())
        connection.execute(insert(wanted), [{"question": question} for question in questions])
        columns = [(kept if name in kept.c else answers).c[name] for name in FOUND]
        rows = connection.execute(
            select(*columns)
            .select_from(wanted.join(kept, kept.c.question == wanted.c.question).join(answers, answers.c.number == kept.c.answer))
            .where(kept.c.judge == judge)
            .where((kept.c.verdict != "unknown") | (kept.c.attempt >= retry))
            .order_by(kept.c.number)
        ).all()
        return pl.DataFrame([tuple(row) for row in rows], schema=FOUND, orient="row")

    def _release(self, connection: Connection, judge: str, questions: Sequence[bytes]) -> None:
        from sqlalchemy import delete

        from tasks.relabel.ledger_tables import claims

        for chunk in batched(questions, 500):
            here = (claims.c.judge == judge) & claims.c.question.in_(chunk) & (claims.c.owner == self.owner)
            connection.execute(delete(claims).where(here))

    def _reading(self) -> Connection:
        """A connection that only reads, beside whoever writes."""
        return self.engine.connect().execution_options(writes=False)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that nobody else writes beside; what the database cannot do is a sentence."""
        from sqlalchemy.exc import DBAPIError

        from tasks.relabel.ledger_tables import plain

        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise Refused(
                f"the ledger {plain(self.url)} could not be written ({error.orig}). What was answered before is kept; "
                "free some space or check its permissions, and run the same command again."
            ) from None


def batched(values: Sequence[bytes] | dict[bytes, None], size: int) -> Iterator[list[bytes]]:
    """Runs of `size` values."""
    listed = list(values)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


def newest(rows: pl.DataFrame) -> pl.DataFrame:
    """Of each question the newest known verdict, else the newest unknown one."""
    known = pl.col("verdict") != "unknown"
    return (
        rows.with_columns(known=known).sort("known", maintain_order=True).unique("question", keep="last", maintain_order=True).drop("known")
    )


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def lives(owner: str) -> bool:
    """Whether the process that made a claim still runs; one on another machine is taken to."""
    host, process, start = owner.rsplit(":", 2)
    return host != socket.gethostname() or (alive(int(process)) and started(int(process)) == start)


def started(process: int) -> str:
    """When a process began, so that another with its number is told apart; nothing where that cannot be known."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""
