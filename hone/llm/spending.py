"""Accounts in the ledger: what each judge has spent on a set of questions, in all processes.

The limits are checked in the transaction that makes the reservation. Processes that share the
ledger can therefore not exceed them together. A reservation that was never settled, because its
process was killed, counts as spent: the cost of such a call is unknown.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from hone.files import fingerprint
from hone.llm.ledger.ledger import Ledger, now

if TYPE_CHECKING:
    from sqlalchemy import Connection, TextClause

AMOUNTS = ("pairs", "tokens", "money")
DIGITS = 32  # of an account's name
# SQL text because it runs for every call: expressions took 1.7 times as long.
TOTAL = "SELECT pairs, tokens, money FROM budgets WHERE account IN ({})"
RESERVATION = "SELECT account, pairs, tokens, money FROM reservations WHERE name = :name"
BEGIN = (
    "INSERT INTO budgets (account, pairs, tokens, money) VALUES (:account, :pairs, :tokens, :money)"
)
ADD = (
    "UPDATE budgets SET pairs = pairs + :pairs, tokens = tokens + :tokens, money = money + "
    ":money WHERE account = :account"
)
RESERVE = (
    "INSERT INTO reservations (name, account, owner, since, pairs, tokens, money) "
    "VALUES (:name, :account, :owner, :since, :pairs, :tokens, :money)"
)
REMOVE = "DELETE FROM reservations WHERE name = :name"


@dataclass
class Spending:
    """Accounts of judges for one set of questions.

    Args:
        ledger: holds the accounts.
        questions: fingerprint of the judged pairs.
        attempt: count of `hone judge retry`; each attempt has accounts of its own.
        judges: fingerprints of the judges that share a budget.
    """

    ledger: Ledger
    questions: str
    attempt: int
    judges: Sequence[str]
    accounts: dict[str, str] = field(init=False)
    open: dict[str, dict] = field(
        init=False, default_factory=dict
    )  # this process's reservations, by name

    def __post_init__(self) -> None:
        self.accounts = {judge: self._account(judge) for judge in self.judges}

    def total(self) -> dict[str, float]:
        """Pairs, tokens and money of all these judges: spent, and reserved for calls in flight."""
        with self.ledger.reading() as connection:
            return self._total(connection)

    def reserved(self) -> dict[str, float]:
        """The part of `total` that is reserved."""
        from sqlalchemy import func, select

        from hone.llm.ledger.tables import reservations

        sums = (func.coalesce(func.sum(reservations.c[name]), 0) for name in AMOUNTS)
        with self.ledger.reading() as connection:
            row = connection.execute(
                select(*sums).where(reservations.c.account.in_(self.accounts.values()))
            ).one()
        return dict(zip(AMOUNTS, map(float, row), strict=True))  # PostgreSQL gives sums as decimals

    def reserve(
        self,
        judge: str,
        wanted: dict[str, float],
        limits: dict[str, float],
        earlier: str | None = None,
    ) -> tuple[str | None, dict[str, float]]:
        """Reserve what a judge's call may use, if it fits with all that is spent and reserved.

        Args:
            judge: fingerprint of the judge.
            wanted: pairs, tokens, money.
            limits: of all judges together, by name; a missing name has no limit.
            earlier: reservation of an earlier process for the same call; this one replaces it.

        Returns:
            The reservation's name, or null if it does not fit; and the total afterwards.
        """
        account = self.accounts.setdefault(judge, self._account(judge))
        with self._alone() as connection:
            before = self._total(connection)
            freed = self._reservation(connection, earlier) if earlier else None
            shared = freed is not None and freed["account"] in self.accounts.values()
            after = {
                amount: before[amount] + wanted[amount] - (freed[amount] if shared else 0)
                for amount in AMOUNTS
            }
            # A call that counts already may always be collected, even if the limits are lower now.
            if any(
                after[amount] > limit and not (shared and after[amount] <= before[amount])
                for amount, limit in limits.items()
            ):
                return None, before
            if freed:
                connection.execute(statement(REMOVE), {"name": earlier})
                self._add(
                    connection, freed["account"], {amount: -freed[amount] for amount in AMOUNTS}
                )
            self._add(connection, account, wanted)
            name = uuid.uuid4().hex
            connection.execute(
                statement(RESERVE),
                {
                    "name": name,
                    "account": account,
                    "owner": self.ledger.owner,
                    "since": now(),
                    **wanted,
                },
            )
        self.open[name] = {"account": account, **wanted}
        return name, after

    def settle(self, name: str, used: dict[str, float]) -> None:
        """Replace a reservation by what its call used, unless another process has replaced it
        meanwhile.
        """
        with self._alone() as connection:
            reservation = self.open.pop(name, None) or self._reservation(connection, name)
            if reservation and connection.execute(statement(REMOVE), {"name": name}).rowcount:
                self._add(
                    connection,
                    reservation["account"],
                    {amount: used[amount] - reservation[amount] for amount in AMOUNTS},
                )

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """A transaction during which no other process reserves or settles."""
        from hone.llm.ledger.tables import alone, budgets

        with self.ledger.writing() as connection:
            alone(connection, budgets)
            yield connection

    def _total(self, connection: Connection) -> dict[str, float]:
        given = {
            f"account_{place}": account
            for place, account in enumerate(dict.fromkeys(self.accounts.values()))
        }
        if not given:
            return dict.fromkeys(AMOUNTS, 0)
        rows = connection.execute(
            statement(TOTAL.format(", ".join(f":{name}" for name in given))), given
        ).all()
        return {name: sum(row[place] for row in rows) for place, name in enumerate(AMOUNTS)}

    def _reservation(self, connection: Connection, name: str) -> dict | None:
        row = connection.execute(statement(RESERVATION), {"name": name}).mappings().one_or_none()
        return None if row is None else dict(row)

    def _add(self, connection: Connection, account: str, amounts: dict[str, float]) -> None:
        given = {"account": account, **{name: amounts[name] for name in AMOUNTS}}
        if not connection.execute(statement(ADD), given).rowcount:
            connection.execute(statement(BEGIN), given)

    def _account(self, judge: str) -> str:
        return fingerprint(self.questions, str(self.attempt), judge)[:DIGITS]


@cache
def statement(sql: str) -> TextClause:
    from sqlalchemy import text

    return text(sql)
