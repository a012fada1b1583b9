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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tasks.errors import Refused
from tasks.files import alive, home

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

KEY_BYTES = 16
CHUNK = 20_000  # questions looked up at once
IN_ONE = 500  # questions in one statement
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

    Threads may share one, and a process may have several: its claims are the process's.

    Raises:
        Refused: there is no such database, or it cannot be opened or is of another layout.
    """

    def __init__(self, url: str | None = None) -> None:
        from sqlalchemy import URL

        from tasks.relabel.ledger_tables import opened

        self.url = url or os.environ.get("HONE_LEDGER") or URL.create("sqlite", database=str(home() / "judgments.db"))
        self.engine: Engine = opened(self.url)
        self.owner = f"{machine()}:{os.getpid()}:{started(os.getpid())}"

    def describe(self, judge: str, description: dict) -> None:
        """Keep what a judge is, once."""
        from tasks.relabel.ledger_tables import insert_new, judges

        text = storable(json.dumps(description, sort_keys=True, ensure_ascii=False))
        with self.writing() as connection:
            connection.execute(insert_new(connection, judges).values(fingerprint=judge, description=text, since=now()))

    def find(self, judge: str, questions: Sequence[bytes], retry: int = 0) -> pl.DataFrame:
        """What a judge has said of questions.

        Args:
            judge: its fingerprint.
            questions: keys; those that it was never asked have no row.
            retry: unknown verdicts of an earlier attempt than this are left out.

        Returns:
            One row a question: the newest verdict that is known, else the newest unknown one.
        """
        parts = [pl.DataFrame(schema=FOUND)]
        with self.reading() as connection:
            chunks = batched(sorted(set(questions)), CHUNK)  # in the index's order, so that its pages are read once
            parts += [newest(self._rows(connection, judge, chunk, retry)) for chunk in chunks]
        return pl.concat(parts)

    def claim(self, judge: str, questions: Sequence[bytes]) -> set[bytes]:
        """Reserve questions for this process; returns those that no other living process is asking now.

        A claim holds for a quarter of an hour, or until its process ends; claiming again renews it. Ask `find` once more
        after it: what was answered by then is nobody's claim any more.
        """
        from sqlalchemy import delete, insert, select

        from tasks.relabel.ledger_tables import alone, claims

        mine: set[bytes] = set()
        asked = sorted(set(questions))
        with self.writing() as connection:
            alone(connection, claims)
            for chunk in batched(asked, IN_ONE):
                here = (claims.c.judge == judge) & claims.c.question.in_(chunk)
                held = connection.execute(select(claims.c.question, claims.c.owner, claims.c.until).where(here)).all()
                gone = {owner for owner in {row.owner for row in held} if owner == self.owner or not lives(owner)}
                taken = {row.question for row in held if row.owner not in gone and row.until > time.time()}
                free = [question for question in chunk if question not in taken]
                if len(taken) < len(held):
                    connection.execute(delete(claims).where(claims.c.judge == judge, claims.c.question.in_(free)))
                if free:
                    until = time.time() + LEASE
                    rows = [{"judge": judge, "question": question, "owner": self.owner, "until": until} for question in free]
                    connection.execute(insert(claims), rows)
                mine.update(free)
        return mine

    def release(self, judge: str, questions: Sequence[bytes]) -> None:
        """Give claims back without an answer."""
        with self.writing() as connection:
            self._release(connection, judge, questions)

    def record(self, judge: str, answer: Answer, verdicts: Sequence[Verdict], run: str, retry: int = 0) -> int:
        """Keep an answer with all that it says, and give back the claims; all of it or nothing. Returns the answer's number."""
        from sqlalchemy import insert

        from tasks.relabel.ledger_tables import answers
        from tasks.relabel.ledger_tables import verdicts as kept

        with self.writing() as connection:
            values = {**told(answer), "judge": judge, "asked_at": now(), "run": run, "attempt": retry}
            number = connection.execute(insert(answers).values(**values)).inserted_primary_key[0]
            rows = [{"judge": judge, "answer": number, "attempt": retry, **told(verdict)} for verdict in verdicts]
            if rows:
                connection.execute(insert(kept), rows)
                self._release(connection, judge, [verdict.question for verdict in verdicts])
        return number

    def reported(self, judge: str) -> str | None:
        """The model name that a judge's first answer carried."""
        from sqlalchemy import select

        from tasks.relabel.ledger_tables import answers

        with self.reading() as connection:
            query = (
                select(answers.c.model).where(answers.c.judge == judge, answers.c.model.is_not(None)).order_by(answers.c.number).limit(1)
            )
            return connection.execute(query).scalar()

    def seconds_per_verdict(self, judge: str) -> float | None:
        """Mean seconds of a judge's answers for each pair they were about; null where it never answered."""
        from sqlalchemy import func, select

        from tasks.relabel.ledger_tables import answers
        from tasks.relabel.ledger_tables import verdicts as kept

        with self.reading() as connection:
            total = connection.execute(select(func.sum(answers.c.seconds)).where(answers.c.judge == judge)).scalar()
            count = connection.execute(select(func.count()).select_from(kept).where(kept.c.judge == judge)).scalar()
        return total / count if count else None

    def spent(self, runs: str) -> dict[str, float]:
        """Pairs that models were asked about, tokens and money, of all answers to runs whose names begin with `runs`.

        A score that was made here (no tokens) is no pair that was asked about. Attempts without an answer are in it once their
        block of questions has ended; of a run that was killed, what it had under way is not known, nor what failed in its last block.
        """
        from sqlalchemy import func, select

        from tasks.relabel.ledger_tables import answers
        from tasks.relabel.ledger_tables import verdicts as kept

        those = answers.c.run.startswith(runs, autoescape=True)
        asked = select(answers.c.number).where(those, answers.c.tokens_in + answers.c.tokens_out > 0)
        with self.reading() as connection:
            tokens, money = connection.execute(
                select(func.sum(answers.c.tokens_in + answers.c.tokens_out), func.sum(answers.c.money)).where(those)
            ).one()
            pairs = connection.execute(select(func.count()).select_from(kept).where(kept.c.answer.in_(asked))).scalar()
        return {"pairs": pairs, "tokens": int(tokens or 0), "money": float(money or 0)}

    def _rows(self, connection: Connection, judge: str, questions: Sequence[bytes], retry: int) -> pl.DataFrame:
        """Every verdict of a judge on these questions, with its answer, in the order in which they were given."""
        from sqlalchemy import select

        from tasks.relabel.ledger_tables import answers, want, wanted
        from tasks.relabel.ledger_tables import verdicts as kept

        want(connection, questions)
        columns = [(kept if name in kept.c else answers).c[name] for name in FOUND]
        rows = connection.execute(
            select(*columns, kept.c.number)
            .select_from(kept.join(answers, answers.c.number == kept.c.answer))
            # As a join SQLite would go through all that the judge ever said, for every look-up.
            .where(kept.c.judge == judge, kept.c.question.in_(select(wanted.c.question)))
            .where((kept.c.verdict != "unknown") | (kept.c.attempt >= retry))
        ).all()
        found = pl.DataFrame([tuple(row) for row in rows], schema=FOUND | {"number": pl.Int64}, orient="row")
        # An import may bring what is older.
        return found.sort("asked_at", "number").drop("number")

    def _release(self, connection: Connection, judge: str, questions: Sequence[bytes]) -> None:
        from sqlalchemy import delete

        from tasks.relabel.ledger_tables import claims

        for chunk in batched(sorted(set(questions)), IN_ONE):
            here = (claims.c.judge == judge) & claims.c.question.in_(chunk) & (claims.c.owner == self.owner)
            connection.execute(delete(claims).where(here))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that only reads, beside whoever writes; what the database cannot do is a sentence."""
        from sqlalchemy.exc import DBAPIError

        from tasks.relabel.ledger_tables import because, plain

        try:
            with self.engine.execution_options(writes=False).connect() as connection:
                yield connection
        except DBAPIError as error:
            raise Refused(f"the ledger {plain(self.url)} could not be read ({because(error, self.url)}).") from None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that nobody else writes beside; what the database cannot do is a sentence."""
        from sqlalchemy.exc import DBAPIError

        from tasks.relabel.ledger_tables import because, plain

        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise Refused(
                f"the ledger {plain(self.url)} could not be written ({because(error, self.url)}). What was answered before is kept; "
                "free some space or check its permissions, and run the same command again."
            ) from None


def batched(values: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """Runs of `size` values."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def told(record: Answer | Verdict) -> dict[str, Any]:
    """A record's values as every database can hold them."""
    return {name: storable(value) if isinstance(value, str) else value for name, value in vars(record).items()}


def storable(text: str) -> str:
    """A text without what no database holds: halves of a character, which servers do send, and the character 0."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


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
    where, process, start = owner.rsplit(":", 2)
    return where != machine() or (alive(int(process)) and started(int(process)) == start)


def machine() -> str:
    """Where process numbers mean the same: a host, or one container of it."""
    try:
        return f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def started(process: int) -> str:
    """When a process began, so that another with its number is told apart; nothing where that cannot be known."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""
