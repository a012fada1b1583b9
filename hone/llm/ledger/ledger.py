"""The ledger: every answer that a judge ever gave, kept the moment it arrives, found by the texts that were judged.

SQLite (WAL) in HONE_HOME, or any database that SQLAlchemy reaches, by the variable HONE_LEDGER. Answers and verdicts are only ever
added.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl

from hone.errors import Refused
from hone.files import home
from hone.processes import lives, owner

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

KEY_BYTES = 16
CHUNK = 20_000  # questions looked up at once
IN_ONE = 500  # questions in one statement
LEASE = 900.0  # seconds after which another process may ask what this one claimed and did not renew
SYNCED, PAID = 1.0, 0.1  # seconds of writing that a power cut may lose at most, and of writing what was paid for
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
    """What came back from a judge, and what it cost: tokens read and written, money, seconds.

    `details` is a JSON object: the `system_fingerprint` of the endpoint, and options that it was `without`.
    """

    raw: str
    model: str | None
    tokens_in: int
    tokens_out: int
    money: float
    seconds: float
    details: str | None = None


@dataclass(frozen=True)
class GeneratedText:
    """A text that a model generated for one question. `kind` says what it is, such as a query or a passage."""

    question: bytes
    kind: str
    text: str


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
        Refused: there is no such database, it cannot be opened, or a newer version of Hone has migrated it.
    """

    def __init__(self, url: str | None = None) -> None:
        from sqlalchemy import URL

        from hone.llm.ledger.tables import opened

        self.url = url or os.environ.get("HONE_LEDGER") or URL.create("sqlite", database=str(home() / "judgments.db"))
        self.engine: Engine = opened(self.url)
        self.durable, self.reader = self.engine.execution_options(durable=True), self.engine.execution_options(writes=False)
        self.owner = owner()
        # Claims of others with the time, by the clock of this process, since when they have not been renewed.
        self.seen: dict[tuple[str, bytes], tuple[str, float, float]] = {}
        self.synced = 0.0

    def describe(self, judge: str, description: dict) -> None:
        """Keep what a judge is, once."""
        from hone.llm.ledger.tables import insert_new, judges

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

        A claim holds until its process ends, or until a lease after it was last renewed. Call `find` once more after it: what was
        answered by then is nobody's claim any more.
        """
        from sqlalchemy import delete, insert, select

        from hone.llm.ledger.tables import alone, claims, clock_of

        mine: set[bytes] = set()
        asked = sorted(set(questions))
        with self.writing() as connection:
            alone(connection, claims)
            now, ended = clock_of(connection), cache(lambda owner: lives(owner) is False)
            for chunk in batched(asked, IN_ONE):
                here = (claims.c.judge == judge) & claims.c.question.in_(chunk)
                held = connection.execute(select(claims.c.question, claims.c.owner, claims.c.until).where(here)).all()
                shared = connection.dialect.name == "postgresql"
                others = [row for row in held if row.owner != self.owner and not ended(row.owner)]
                taken = {row.question for row in others if self._holds(judge, row, now if shared else None)}
                free = [question for question in chunk if question not in taken]
                if len(taken) < len(held):
                    connection.execute(delete(claims).where(claims.c.judge == judge, claims.c.question.in_(free)))
                if free:
                    rows = [{"judge": judge, "question": question, "owner": self.owner, "until": now + LEASE} for question in free]
                    connection.execute(insert(claims), rows)
                mine.update(free)
        for question in mine:
            self.seen.pop((judge, question), None)
        return mine

    def _holds(self, judge: str, claim: Any, now: float | None) -> bool:
        """Whether another process still holds a claim, by its lease.

        Args:
            judge: whose question it is.
            claim: question, owner, until.
            now: by the database's own clock, which also gave `until`; null where there is none. Each machine's `until` then goes by
                a clock of its own, ahead or behind or set meanwhile, and is no time to others: that it changes is what shows
                life. Nobody has to wait longer than one lease from the first look.
        """
        if now is not None:
            return claim.until > now
        key, here = (judge, claim.question), time.monotonic()
        holder, until, since = self.seen.get(key, ("", 0.0, here))
        if (holder, until) != (claim.owner, claim.until):
            self.seen[key] = (claim.owner, claim.until, here)
            return True
        return here - since < LEASE

    def renew(self, judge: str, questions: Sequence[bytes]) -> set[bytes]:
        """Renew claims of this process; returns those that it still holds. Another may have taken, answered and released the others."""
        from sqlalchemy import select, update

        from hone.llm.ledger.tables import alone, claims, clock_of

        mine: set[bytes] = set()
        with self.writing() as connection:
            alone(connection, claims)
            until = clock_of(connection) + LEASE
            for chunk in batched(sorted(set(questions)), IN_ONE):
                here = (claims.c.judge == judge) & claims.c.question.in_(chunk) & (claims.c.owner == self.owner)
                mine.update(connection.execute(select(claims.c.question).where(here)).scalars())
                connection.execute(update(claims).where(here).values(until=until))
        return mine

    def release(self, judge: str, questions: Sequence[bytes]) -> None:
        """Give claims back without an answer."""
        with self.writing() as connection:
            self._release(connection, judge, questions)

    def record(
        self, judge: str, answer: Answer, verdicts: Sequence[Verdict], run: str, retry: int = 0,
        completions: Sequence[GeneratedText] = (), durable: bool = False,
    ) -> int:  # fmt: skip
        """Keep an answer with all that it says, and give back the claims; all of it or nothing. Returns the answer's number.

        Args:
            judge: who gave it.
            answer: text and cost.
            verdicts: what it says of questions.
            run: which run asked.
            retry: the count of attempts.
            completions: texts that it consists of, where a text was asked for.
            durable: on the disk, whatever happens to the power, when this returns. Waiting for the disk for every answer would bound
                how many a second can be asked for, so that others follow within PAID or SYNCED.
        """
        from sqlalchemy import insert

        from hone.llm.ledger.tables import answers
        from hone.llm.ledger.tables import completions as generated
        from hone.llm.ledger.tables import verdicts as kept

        with self.writing(0.0 if durable else PAID if answer.money > 0 else SYNCED) as connection:
            values = {**told(answer), "judge": judge, "asked_at": now(), "run": run, "attempt": retry}
            number = connection.execute(insert(answers).values(**values)).inserted_primary_key[0]
            for table, records in ((kept, verdicts), (generated, completions)):
                if records:
                    rows = [{"judge": judge, "answer": number, "attempt": retry, **told(record)} for record in records]
                    connection.execute(insert(table), rows)
                    self._release(connection, judge, [record.question for record in records])
        return number

    def completions(self, judge: str, questions: Sequence[bytes], kind: str) -> pl.DataFrame:
        """Texts that were generated for questions: question, text, answer, in the order in which they came.

        Args:
            judge: the fingerprint of whoever generated them.
            questions: keys; those without a text have no row.
            kind: of the texts.
        """
        from sqlalchemy import select

        from hone.llm.ledger.tables import completions as generated
        from hone.llm.ledger.tables import want, wanted

        schema = {"question": pl.Binary, "text": pl.String, "answer": pl.Int64}
        parts = [pl.DataFrame(schema=schema)]
        with self.reading() as connection:
            for chunk in batched(sorted(set(questions)), CHUNK):
                want(connection, chunk)
                rows = connection.execute(
                    select(*(generated.c[name] for name in schema))
                    .where(generated.c.judge == judge, generated.c.kind == kind, generated.c.question.in_(select(wanted.c.question)))
                    .order_by(generated.c.number)
                ).all()
                parts.append(pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row"))
        return pl.concat(parts)

    def reported(self, judge: str) -> str | None:
        """The model name that a judge's first answer carried."""
        from sqlalchemy import select

        from hone.llm.ledger.tables import answers

        with self.reading() as connection:
            query = (
                select(answers.c.model).where(answers.c.judge == judge, answers.c.model.is_not(None)).order_by(answers.c.number).limit(1)
            )
            return connection.execute(query).scalar()

    def seconds_per_verdict(self, judge: str) -> float | None:
        """Mean seconds of a judge's answers for each pair they were about; null where it never answered."""
        from sqlalchemy import func, select

        from hone.llm.ledger.tables import answers
        from hone.llm.ledger.tables import verdicts as kept

        with self.reading() as connection:
            total = connection.execute(select(func.sum(answers.c.seconds)).where(answers.c.judge == judge)).scalar()
            count = connection.execute(select(func.count()).select_from(kept).where(kept.c.judge == judge)).scalar()
        return total / count if count else None

    def spent(self, runs: str = "", order: str = "") -> dict[str, float]:
        """Pairs that models were asked about, tokens and money, of all answers to some runs.

        Args:
            runs: how their names begin.
            order: the third word of their names; empty: any.

        A score that was made here (no tokens) is no pair that was asked about.
        """
        from sqlalchemy import func, select

        from hone.llm.ledger.tables import answers
        from hone.llm.ledger.tables import verdicts as kept

        those = answers.c.run.startswith(runs, autoescape=True)
        if order:
            those &= answers.c.run.contains(f" {order} ", autoescape=True)
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

        from hone.llm.ledger.tables import answers, want, wanted
        from hone.llm.ledger.tables import verdicts as kept

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

        from hone.llm.ledger.tables import claims

        for chunk in batched(sorted(set(questions)), IN_ONE):
            here = (claims.c.judge == judge) & claims.c.question.in_(chunk) & (claims.c.owner == self.owner)
            connection.execute(delete(claims).where(here))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that only reads, beside whoever writes; what the database cannot do is a sentence."""
        from sqlalchemy.exc import DBAPIError

        from hone.llm.ledger.tables import because, plain

        try:
            with self.reader.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise Refused(f"the ledger {plain(self.url)} could not be read ({because(error, self.url)}).") from None

    @contextmanager
    def writing(self, within: float = SYNCED) -> Iterator[Connection]:
        """A transaction that nobody else writes beside; what the database cannot do is a sentence.

        Args:
            within: seconds of writing that a power cut may lose once this has ended.
        """
        from sqlalchemy.exc import DBAPIError

        from hone.llm.ledger.tables import because, plain

        durable = time.monotonic() - self.synced >= within
        try:
            with (self.durable if durable else self.engine).begin() as connection:
                yield connection
        except DBAPIError as error:
            raise Refused(
                f"the ledger {plain(self.url)} could not be written ({because(error, self.url)}). What was answered before is kept; "
                "free some space or check its permissions, and run the same command again."
            ) from None
        if durable:
            self.synced = time.monotonic()


def batched(values: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """Runs of `size` values."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def told(record: Answer | Verdict | GeneratedText) -> dict[str, Any]:
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
