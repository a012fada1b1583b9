"""The judgment log: every answer of a judge is recorded when it arrives, and is found by the texts
that were judged.

It is an SQLite database (WAL) in HONE_HOME, or any database that SQLAlchemy supports (environment
variable HONE_LEDGER). Answers and verdicts are never changed or deleted.
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
LEASE = 900.0  # seconds without a renewal after which another process may take over a claim
SYNCED, PAID = 1.0, 0.1  # maximum seconds of writes lost in a power cut: free answers, paid answers
FOUND = {
    "question": pl.Binary,
    "verdict": pl.String,
    "grade": pl.Float64,
    "probability": pl.Float64,
    "reason": pl.String,
    "answer": pl.Int64,
    "raw": pl.String,
    "model": pl.String,
    "tokens_in": pl.Int64,
    "tokens_out": pl.Int64,
    "money": pl.Float64,
    "seconds": pl.Float64,
    "asked_at": pl.String,
    "run": pl.String,
}


def question_key(query: str, document: str, positives: Sequence[str] = ()) -> bytes:
    """The 16-byte key of a question: a hash of the texts in the prompt."""
    total = hashlib.blake2b(digest_size=KEY_BYTES)
    for text in (query, document, *positives):
        raw = text.encode()
        total.update(len(raw).to_bytes(8, "little"))
        total.update(raw)
    return total.digest()


@dataclass(frozen=True)
class Answer:
    """A judge's answer and its cost: input and output tokens, money, seconds.

    `details` is a JSON object: the endpoint's `system_fingerprint`, and the options that the
    request was sent `without`.
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
    """A text that a model generated for one question. `kind` is its type, such as a query or a
    passage.
    """

    question: bytes
    kind: str
    text: str


@dataclass(frozen=True)
class Verdict:
    """The verdict of an answer on one question."""

    question: bytes
    verdict: str
    grade: float | None = None
    probability: float | None = None
    reason: str | None = None


class Ledger:
    """All judgments of this machine, or of all machines that share a database.

    Args:
        url: in SQLAlchemy's format; null: HONE_LEDGER, or judgments.db in HONE_HOME.

    Threads may share one ledger, and a process may open several. Claims belong to the process.

    Raises:
        Refused: the database does not exist, cannot be opened, or has been migrated by a newer
            version of Hone.
    """

    def __init__(self, url: str | None = None) -> None:
        from sqlalchemy import URL

        from hone.llm.ledger.tables import opened

        self.url = (
            url
            or os.environ.get("HONE_LEDGER")
            or URL.create("sqlite", database=str(home() / "judgments.db"))
        )
        self.engine: Engine = opened(self.url)
        self.durable, self.reader = (
            self.engine.execution_options(durable=True),
            self.engine.execution_options(writes=False),
        )
        self.owner = owner()
        # Claims of other processes, with the time since which they have not been renewed, by this
        # process's clock.
        self.seen: dict[tuple[str, bytes], tuple[str, float, float]] = {}
        self.synced = 0.0

    def describe(self, judge: str, description: dict) -> None:
        """Record the description of a judge once."""
        from hone.llm.ledger.tables import insert_new, judges

        text = storable(json.dumps(description, sort_keys=True, ensure_ascii=False))
        with self.writing() as connection:
            connection.execute(
                insert_new(connection, judges).values(
                    fingerprint=judge, description=text, since=now()
                )
            )

    def find(self, judge: str, questions: Sequence[bytes], retry: int = 0) -> pl.DataFrame:
        """A judge's recorded verdicts on questions.

        Args:
            judge: its fingerprint.
            questions: keys. A question that the judge has never answered has no row.
            retry: unknown verdicts of earlier attempts are excluded.

        Returns:
            One row per question: the newest known verdict, or the newest unknown verdict if none is
                known.
        """
        parts = [pl.DataFrame(schema=FOUND)]
        with self.reading() as connection:
            chunks = batched(
                sorted(set(questions)), CHUNK
            )  # in index order, so that each page is read once
            parts += [newest(self._rows(connection, judge, chunk, retry)) for chunk in chunks]
        return pl.concat(parts)

    def claim(self, judge: str, questions: Sequence[bytes]) -> set[bytes]:
        """Claim questions for this process. Returns those that no other running process has
        claimed.

        A claim holds until its process ends, or until one lease after its last renewal. Call `find`
        again afterwards: questions that were answered meanwhile are not claimed by any process.
        """
        from sqlalchemy import delete, insert, select

        from hone.llm.ledger.tables import alone, claims, clock_of

        mine: set[bytes] = set()
        keys = sorted(set(questions))
        with self.writing() as connection:
            alone(connection, claims)
            now, ended = clock_of(connection), cache(lambda owner: lives(owner) is False)
            for chunk in batched(keys, IN_ONE):
                here = (claims.c.judge == judge) & claims.c.question.in_(chunk)
                known = connection.execute(
                    select(claims.c.question, claims.c.owner, claims.c.until).where(here)
                ).all()
                shared = connection.dialect.name == "postgresql"
                others = [row for row in known if row.owner != self.owner and not ended(row.owner)]
                taken = {
                    row.question
                    for row in others
                    if self._holds(judge, row, now if shared else None)
                }
                free = [question for question in chunk if question not in taken]
                if len(taken) < len(known):
                    connection.execute(
                        delete(claims).where(claims.c.judge == judge, claims.c.question.in_(free))
                    )
                if free:
                    rows = [
                        {
                            "judge": judge,
                            "question": question,
                            "owner": self.owner,
                            "until": now + LEASE,
                        }
                        for question in free
                    ]
                    connection.execute(insert(claims), rows)
                mine.update(free)
        for question in mine:
            self.seen.pop((judge, question), None)
        return mine

    def _holds(self, judge: str, claim: Any, now: float | None) -> bool:
        """Whether another process still holds a claim, by its lease.

        Args:
            judge: the judge of the question.
            claim: question, owner, until.
            now: time of the database's own clock, which also set `until`; null if it has no clock.
                Then `until` is a time of another machine, whose clock may be wrong. Only a change
                of `until` shows that the process is running. The maximum wait is one lease after
                the first look-up.
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
        """Renew claims of this process; returns those that it still holds. Another process may
        have taken over the others.
        """
        from sqlalchemy import select, update

        from hone.llm.ledger.tables import alone, claims, clock_of

        mine: set[bytes] = set()
        with self.writing() as connection:
            alone(connection, claims)
            until = clock_of(connection) + LEASE
            for chunk in batched(sorted(set(questions)), IN_ONE):
                here = (
                    (claims.c.judge == judge)
                    & claims.c.question.in_(chunk)
                    & (claims.c.owner == self.owner)
                )
                mine.update(connection.execute(select(claims.c.question).where(here)).scalars())
                connection.execute(update(claims).where(here).values(until=until))
        return mine

    def release(self, judge: str, questions: Sequence[bytes]) -> None:
        """Release claims without an answer."""
        with self.writing() as connection:
            self._release(connection, judge, questions)

    def record(
        self,
        judge: str,
        answer: Answer,
        verdicts: Sequence[Verdict],
        run: str,
        retry: int = 0,
        completions: Sequence[GeneratedText] = (),
        durable: bool = False,
    ) -> int:
        """Record an answer with all its verdicts and release the claims, in one transaction.
        Returns the answer's number.

        Args:
            judge: fingerprint of the judge.
            answer: text and cost.
            verdicts: its verdicts on questions.
            run: name of the run.
            retry: number of the attempt.
            completions: generated texts in the answer, if a text was requested.
            durable: write the answer to the disk before this returns, so that it survives a power
                cut. Waiting for every answer would limit the call rate, so other answers are
                written within PAID or SYNCED seconds.
        """
        from sqlalchemy import insert

        from hone.llm.ledger.tables import answers
        from hone.llm.ledger.tables import completions as generated
        from hone.llm.ledger.tables import verdicts as verdict_table

        with self.writing(0.0 if durable else PAID if answer.money > 0 else SYNCED) as connection:
            values = {
                **make_row(answer),
                "judge": judge,
                "asked_at": now(),
                "run": run,
                "attempt": retry,
            }
            number = connection.execute(insert(answers).values(**values)).inserted_primary_key[0]
            for table, records in ((verdict_table, verdicts), (generated, completions)):
                if records:
                    rows = [
                        {"judge": judge, "answer": number, "attempt": retry, **make_row(record)}
                        for record in records
                    ]
                    connection.execute(insert(table), rows)
                    self._release(connection, judge, [record.question for record in records])
        return number

    def completions(self, judge: str, questions: Sequence[bytes], kind: str) -> pl.DataFrame:
        """Texts that were generated for questions: question, text, answer, in order of arrival.

        Args:
            judge: fingerprint of the model that generated them.
            questions: keys. A question without a text has no row.
            kind: type of the texts.
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
                    .where(
                        generated.c.judge == judge,
                        generated.c.kind == kind,
                        generated.c.question.in_(select(wanted.c.question)),
                    )
                    .order_by(generated.c.number)
                ).all()
                parts.append(
                    pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")
                )
        return pl.concat(parts)

    def cost_of(self, numbers: Sequence[int]) -> dict[str, float]:
        """Calls, tokens and money of some answers, each counted once.

        Args:
            numbers: of the answers.
        """
        from sqlalchemy import func, select

        from hone.llm.ledger.tables import answers

        total = {"calls": 0, "tokens": 0, "money": 0.0}
        tokens = func.sum(answers.c.tokens_in + answers.c.tokens_out)
        with self.reading() as connection:
            for chunk in batched(sorted(set(numbers)), IN_ONE):
                row = connection.execute(
                    select(func.count(), tokens, func.sum(answers.c.money)).where(
                        answers.c.number.in_(chunk)
                    )
                ).one()
                total["calls"] += int(row[0])
                total["tokens"] += int(row[1] or 0)
                total["money"] += float(row[2] or 0.0)
        return total

    def mean_call(self, judge: str) -> dict[str, float | None]:
        """Mean output tokens and duration of a model's answers. Null: nothing is recorded.

        Attempts without an answer have no output tokens, and batches of a vendor have no duration.
        Neither counts.
        """
        from sqlalchemy import func, select

        from hone.llm.ledger.tables import answers

        with self.reading() as connection:
            tokens = connection.execute(
                select(func.avg(answers.c.tokens_out)).where(
                    answers.c.judge == judge, answers.c.tokens_out > 0
                )
            ).scalar()
            seconds = connection.execute(
                select(func.avg(answers.c.seconds)).where(
                    answers.c.judge == judge, answers.c.tokens_out > 0, answers.c.seconds > 0
                )
            ).scalar()
        return {
            "tokens_out": None if tokens is None else float(tokens),
            "seconds": None if seconds is None else float(seconds),
        }

    def reported(self, judge: str) -> str | None:
        """The model name in a judge's first answer."""
        from sqlalchemy import select

        from hone.llm.ledger.tables import answers

        with self.reading() as connection:
            query = (
                select(answers.c.model)
                .where(answers.c.judge == judge, answers.c.model.is_not(None))
                .order_by(answers.c.number)
                .limit(1)
            )
            return connection.execute(query).scalar()

    def seconds_per_verdict(self, judge: str) -> float | None:
        """Mean seconds per pair of a judge's answers; null if there are none."""
        from sqlalchemy import func, select

        from hone.llm.ledger.tables import answers
        from hone.llm.ledger.tables import verdicts as verdict_table

        with self.reading() as connection:
            total = connection.execute(
                select(func.sum(answers.c.seconds)).where(answers.c.judge == judge)
            ).scalar()
            count = connection.execute(
                select(func.count())
                .select_from(verdict_table)
                .where(verdict_table.c.judge == judge)
            ).scalar()
        return total / count if count else None

    def spent(self, runs: str = "", order: str = "") -> dict[str, float]:
        """Pairs, tokens and money of all answers of some runs.

        Args:
            runs: prefix of their names.
            order: third word of their names; empty: any.

        Scores computed on this machine (no tokens) do not count as pairs.
        """
        from sqlalchemy import func, select

        from hone.llm.ledger.tables import answers
        from hone.llm.ledger.tables import verdicts as verdict_table

        those = answers.c.run.startswith(runs, autoescape=True)
        if order:
            those &= answers.c.run.contains(f" {order} ", autoescape=True)
        paid = select(answers.c.number).where(those, answers.c.tokens_in + answers.c.tokens_out > 0)
        with self.reading() as connection:
            tokens, money = connection.execute(
                select(
                    func.sum(answers.c.tokens_in + answers.c.tokens_out), func.sum(answers.c.money)
                ).where(those)
            ).one()
            pairs = connection.execute(
                select(func.count())
                .select_from(verdict_table)
                .where(verdict_table.c.answer.in_(paid))
            ).scalar()
        return {"pairs": pairs, "tokens": int(tokens or 0), "money": float(money or 0)}

    def _rows(
        self, connection: Connection, judge: str, questions: Sequence[bytes], retry: int
    ) -> pl.DataFrame:
        """All verdicts of a judge on these questions, with their answers, in order of arrival."""
        from sqlalchemy import select

        from hone.llm.ledger.tables import answers, want, wanted
        from hone.llm.ledger.tables import verdicts as verdict_table

        want(connection, questions)
        columns = [
            (verdict_table if name in verdict_table.c else answers).c[name] for name in FOUND
        ]
        rows = connection.execute(
            select(*columns, verdict_table.c.number)
            .select_from(verdict_table.join(answers, answers.c.number == verdict_table.c.answer))
            # With a join, SQLite would read all verdicts of the judge for every look-up.
            .where(
                verdict_table.c.judge == judge,
                verdict_table.c.question.in_(select(wanted.c.question)),
            )
            .where((verdict_table.c.verdict != "unknown") | (verdict_table.c.attempt >= retry))
        ).all()
        found = pl.DataFrame(
            [tuple(row) for row in rows], schema=FOUND | {"number": pl.Int64}, orient="row"
        )
        # An import may add older answers.
        return found.sort("asked_at", "number").drop("number")

    def _release(self, connection: Connection, judge: str, questions: Sequence[bytes]) -> None:
        from sqlalchemy import delete

        from hone.llm.ledger.tables import claims

        for chunk in batched(sorted(set(questions)), IN_ONE):
            here = (
                (claims.c.judge == judge)
                & claims.c.question.in_(chunk)
                & (claims.c.owner == self.owner)
            )
            connection.execute(delete(claims).where(here))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read-only connection, concurrent with a writer. Database errors become Refused."""
        from sqlalchemy.exc import DBAPIError

        from hone.llm.ledger.tables import because, plain

        try:
            with self.reader.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise Refused(
                f"the judgment log {plain(self.url)} could not be read "
                f"({because(error, self.url)})."
            ) from None

    @contextmanager
    def writing(self, within: float = SYNCED) -> Iterator[Connection]:
        """A transaction without concurrent writers. Database errors become Refused.

        Args:
            within: maximum seconds of writes that a power cut may lose after the transaction.
        """
        from sqlalchemy.exc import DBAPIError

        from hone.llm.ledger.tables import because, plain

        durable = time.monotonic() - self.synced >= within
        try:
            with (self.durable if durable else self.engine).begin() as connection:
                yield connection
        except DBAPIError as error:
            raise Refused(
                f"the judgment log {plain(self.url)} could not be written "
                f"({because(error, self.url)}). Earlier answers are kept. "
                "Free disk space or check the permissions, then run the same command again."
            ) from None
        if durable:
            self.synced = time.monotonic()


def batched(values: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """Consecutive groups of `size` values."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def make_row(record: Answer | Verdict | GeneratedText) -> dict[str, Any]:
    """A record's values in types that every database supports."""
    return {
        name: storable(value) if isinstance(value, str) else value
        for name, value in vars(record).items()
    }


def storable(text: str) -> str:
    """A text without the characters that no database supports: unpaired surrogates, which
    servers do send, and NUL.
    """
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def newest(rows: pl.DataFrame) -> pl.DataFrame:
    """The newest known verdict of each question, or the newest unknown verdict if none is known."""
    known = pl.col("verdict") != "unknown"
    return (
        rows.with_columns(known=known)
        .sort("known", maintain_order=True)
        .unique("question", keep="last", maintain_order=True)
        .drop("known")
    )


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
