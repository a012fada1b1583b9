"""The budget: hard limits on pairs, tokens, cost and time. The maximum is reserved before each call
and settled after it.

With `spending` the limits hold for all processes that query the same judges with the same questions
on one ledger.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hone.errors import Refused
from hone.llm.spending import Spending
from hone.stage import say

NAMES = {"pairs": "pairs", "tokens": "tokens", "money": "of money"}
ROUNDING = 1e-9  # fraction of a limit: three calls at 0.1 fit into 0.3


@dataclass(frozen=True)
class Reservation:
    """The maximum that a call may use, and the reservation's name in the ledger; null: it is not
    in the ledger.
    """

    pairs: int
    tokens: int
    money: float
    name: str | None = None


@dataclass
class Budget:
    """Limits shared by the judges of one stage; null: no limit.

    Attributes:
        money: cost, in the currency of the prices.
        tokens: input and output tokens.
        pairs: pairs in prompts.
        minutes: since this run's first call. Calls that have begun by then are completed; a
            vendor's batch is not waited for.
        clock: seconds of a monotonic clock.
        spending: accounts of all processes; null: only this process counts.
        over: the limit that is used up, as a sentence; null: none.
    """

    money: float | None = None
    tokens: int | None = None
    pairs: int | None = None
    minutes: float | None = None
    clock: Callable[[], float] = time.monotonic
    spending: Spending | None = None
    over: str | None = field(default=None, init=False)
    _spent: dict[str, float] = field(
        default_factory=lambda: {"pairs": 0, "tokens": 0, "money": 0.0}, init=False
    )
    _reserved: dict[str, float] = field(
        default_factory=lambda: {"pairs": 0, "tokens": 0, "money": 0.0}, init=False
    )
    # Spent and reserved by other processes, as of the last ledger access.
    _others: dict[str, float] = field(
        default_factory=lambda: {"pairs": 0, "tokens": 0, "money": 0.0}, init=False
    )
    _before: dict[str, float] = field(
        default_factory=lambda: {"pairs": 0, "tokens": 0, "money": 0.0}, init=False
    )
    _began: float | None = field(default=None, init=False)
    _unsettled: bool = field(default=False, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.spending is not None:
            self._others = self.spending.total()

    def of(self, judge: str) -> JudgeBudget:
        """This budget for the calls of one judge."""
        return JudgeBudget(self, judge)

    def begun_with(self, spent: dict[str, float]) -> None:
        """Add what was spent before and is not in `spending`: pairs, tokens, money."""
        with self._lock:
            for name, amount in spent.items():
                self._spent[name] += amount
                self._before[name] += amount

    def reserve(
        self, pairs: int, tokens: int, money: float, judge: str = "", earlier: str | None = None
    ) -> Reservation | None:
        """Reserve the maximum that a call may use; null if it exceeds the rest, which sets `over`.

        After a call that does not fit, no smaller one is accepted either. A repeated stage then
        stops at the same pair.

        Args:
            pairs, tokens, money: maximum use.
            judge: fingerprint; each judge has an account in `spending`.
            earlier: name of the reservation that an earlier process made for this call; this one
                replaces it.
        """
        with self._lock:
            if self._began is None:
                self._began = self.clock()
            wanted = {"pairs": pairs, "tokens": tokens, "money": money}
            shared = self.spending is not None and any(wanted.values())
            if self.over is None:
                self.over = self._too_late() or (
                    None if shared else self._exceeded(wanted, self._reserved)
                )
            if self.over is not None:
                return None
            name = None
            if shared:
                name, total = self.spending.reserve(judge, wanted, self._limits(), earlier)
                self._look(total, wanted if name else None)
                if name is None:
                    # Rounding aside, these sums are what the ledger has compared.
                    self.over = (
                        self._exceeded(wanted, self._reserved)
                        or f"the budget of {self._named()} is used up"
                    )
                    return None
            for key, amount in wanted.items():
                self._reserved[key] += amount
            return Reservation(pairs, tokens, money, name)

    def waits(self, pairs: int, tokens: int, money: float) -> bool:
        """Whether a call does not fit now but may fit later. Calls of this process may use less
        than their reservations.
        """
        with self._lock:
            wanted = {"pairs": pairs, "tokens": tokens, "money": money}
            if self.over is not None or self._began is None or self._too_late():
                return False
            if self.spending is not None and self._exceeded(wanted, self._reserved):
                self._look(
                    self.spending.total(), None
                )  # other processes may have used less than they reserved
            nothing = dict.fromkeys(NAMES, 0)
            return (
                self._exceeded(wanted, self._reserved) is not None
                and self._exceeded(wanted, nothing) is None
            )

    def settle(
        self, reservation: Reservation, tokens: int, money: float, pairs: int | None = None
    ) -> None:
        """Replace a reservation by the call's actual use.

        Args:
            reservation: settled once.
            tokens: input and output tokens.
            money: cost.
            pairs: pairs in the prompt; null: as reserved.
        """
        used = {
            "pairs": reservation.pairs if pairs is None else pairs,
            "tokens": tokens,
            "money": money,
        }
        with self._lock:
            self._move(reservation, used)
            if reservation.name is None:
                return
            try:
                self.spending.settle(reservation.name, used)
            except Refused as error:
                # The answer must still be recorded. In the ledger the whole reservation counts as
                # spent.
                if not self._unsettled:
                    say(
                        "a call's use could not be settled, so its whole reservation "
                        f"counts as spent: {error}"
                    )
                self._unsettled = True

    def leave(self, reservation: Reservation) -> None:
        """Count a call as spent whose completion another run collects; that run takes over the
        reservation.
        """
        with self._lock:
            self._move(reservation, {name: getattr(reservation, name) for name in NAMES})

    def release(self, names: Iterable[str]) -> None:
        """Release reservations of earlier processes for calls that certainly cost nothing."""
        if self.spending is not None:
            for name in names:
                self.spending.settle(name, dict.fromkeys(NAMES, 0))

    def late(self) -> str | None:
        """A sentence if the minutes are used up; null otherwise."""
        with self._lock:
            return None if self._began is None else self._too_late()

    @property
    def spent(self) -> dict[str, float]:
        """Pairs, tokens and money of calls that have ended."""
        with self._lock:
            return dict(self._spent)

    def _move(self, reservation: Reservation, used: dict[str, float]) -> None:
        for name, amount in used.items():
            self._reserved[name] -= getattr(reservation, name)
            self._spent[name] += amount

    def _look(self, total: dict[str, float], added: dict[str, float] | None) -> None:
        """Update the use of other processes from the ledger's total. The total includes this
        process's own use and what was `added` just now.
        """
        for name in NAMES:
            own = (
                self._spent[name]
                - self._before[name]
                + self._reserved[name]
                + (added[name] if added else 0)
            )
            self._others[name] = total[name] - own

    def _limits(self) -> dict[str, float]:
        """Limits of the amounts in the ledger, by name."""
        given = {name: getattr(self, name) for name in NAMES}
        return {
            name: limit * (1 + ROUNDING) - self._before[name]
            for name, limit in given.items()
            if limit is not None
        }

    def _named(self) -> str:
        return ", ".join(
            f"{getattr(self, name):,g} {unit}"
            for name, unit in NAMES.items()
            if getattr(self, name) is not None
        )

    def _exceeded(self, wanted: dict[str, float], reserved: dict[str, float]) -> str | None:
        for name, unit in NAMES.items():
            limit = getattr(self, name)
            used = self._spent[name] + self._others[name] + reserved[name]
            if limit is not None and used + wanted[name] > limit * (1 + ROUNDING):
                return f"the budget of {limit:,g} {unit} is used up"
        return None

    def _too_late(self) -> str | None:
        if self.minutes is not None and self.clock() - self._began >= 60 * self.minutes:
            return f"the budget of {self.minutes:g} minutes is used up"
        return None


@dataclass(frozen=True)
class JudgeBudget:
    """A budget for the calls of one judge, which are counted on that judge's account."""

    budget: Budget
    judge: str

    def reserve(
        self, pairs: int, tokens: int, money: float, earlier: str | None = None
    ) -> Reservation | None:
        return self.budget.reserve(pairs, tokens, money, self.judge, earlier)

    def waits(self, pairs: int, tokens: int, money: float) -> bool:
        return self.budget.waits(pairs, tokens, money)

    def settle(
        self, reservation: Reservation, tokens: int, money: float, pairs: int | None = None
    ) -> None:
        self.budget.settle(reservation, tokens, money, pairs)

    def leave(self, reservation: Reservation) -> None:
        self.budget.leave(reservation)

    def release(self, names: Iterable[str]) -> None:
        self.budget.release(names)

    def late(self) -> str | None:
        return self.budget.late()

    @property
    def over(self) -> str | None:
        return self.budget.over

    @property
    def spent(self) -> dict[str, float]:
        return self.budget.spent
