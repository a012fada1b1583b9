"""What judging may spend: a hard stop, reserved before each call and settled after it.

With `spending` it is the hard stop of all processes that judge the same questions by the same judges on one ledger.
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
ROUNDING = 1e-9  # share of a limit: three calls at .1 fit into .3


@dataclass(frozen=True)
class Reservation:
    """What a call may use at most, and its name in the ledger; null: it is not there."""

    pairs: int
    tokens: int
    money: float
    name: str | None = None


@dataclass
class Budget:
    """Limits that the judges of one stage share; null: none.

    Attributes:
        money: in the currency of the prices.
        tokens: read and written.
        pairs: asked about.
        minutes: from this run's first call on; a call that has begun by then is waited for, a vendor's batch is not.
        clock: seconds of a clock that never goes back.
        spending: what all processes spend on the same; null: this process alone counts.
        over: the sentence which limit ended it; null while there is something left.
    """

    money: float | None = None
    tokens: int | None = None
    pairs: int | None = None
    minutes: float | None = None
    clock: Callable[[], float] = time.monotonic
    spending: Spending | None = None
    over: str | None = field(default=None, init=False)
    _spent: dict[str, float] = field(default_factory=lambda: {"pairs": 0, "tokens": 0, "money": 0.0}, init=False)
    _held: dict[str, float] = field(default_factory=lambda: {"pairs": 0, "tokens": 0, "money": 0.0}, init=False)
    # What others have spent and reserved, as of the last look into the ledger.
    _others: dict[str, float] = field(default_factory=lambda: {"pairs": 0, "tokens": 0, "money": 0.0}, init=False)
    _before: dict[str, float] = field(default_factory=lambda: {"pairs": 0, "tokens": 0, "money": 0.0}, init=False)
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
        """Count what was spent before, and is not in `spending`: pairs, tokens, money."""
        with self._lock:
            for name, amount in spent.items():
                self._spent[name] += amount
                self._before[name] += amount

    def reserve(self, pairs: int, tokens: int, money: float, judge: str = "", earlier: str | None = None) -> Reservation | None:
        """Set aside what a call may use at most; null, and `over` says why, where that is more than is left.

        A call that does not fit is the end, even if a smaller one would: the stage then stops at the same pair again.

        Args:
            pairs, tokens, money: at most.
            judge: whose call it is; in `spending` each has an account of its own.
            earlier: the name of a reservation that an earlier process made for this call, and this one takes over.
        """
        with self._lock:
            if self._began is None:
                self._began = self.clock()
            wanted = {"pairs": pairs, "tokens": tokens, "money": money}
            shared = self.spending is not None and any(wanted.values())
            if self.over is None:
                self.over = self._too_late() or (None if shared else self._exceeded(wanted, self._held))
            if self.over is not None:
                return None
            name = None
            if shared:
                name, total = self.spending.reserve(judge, wanted, self._limits(), earlier)
                self._look(total, wanted if name else None)
                if name is None:
                    # Rounding aside, these sums are what the ledger has compared.
                    self.over = self._exceeded(wanted, self._held) or f"the budget of {self._named()} is used up"
                    return None
            for key, amount in wanted.items():
                self._held[key] += amount
            return Reservation(pairs, tokens, money, name)

    def waits(self, pairs: int, tokens: int, money: float) -> bool:
        """Whether a call does not fit now and may fit once calls of this process have used less than was set aside for them."""
        with self._lock:
            wanted = {"pairs": pairs, "tokens": tokens, "money": money}
            if self.over is not None or self._began is None or self._too_late():
                return False
            if self.spending is not None and self._exceeded(wanted, self._held):
                self._look(self.spending.total(), None)  # others may have used less than they had set aside
            nothing = dict.fromkeys(NAMES, 0)
            return self._exceeded(wanted, self._held) is not None and self._exceeded(wanted, nothing) is None

    def settle(self, reservation: Reservation, tokens: int, money: float, pairs: int | None = None) -> None:
        """Replace a reservation by what the call really used.

        Args:
            reservation: settled once.
            tokens: read and written.
            money: paid.
            pairs: asked about; null: those that were reserved.
        """
        used = {"pairs": reservation.pairs if pairs is None else pairs, "tokens": tokens, "money": money}
        with self._lock:
            self._move(reservation, used)
            if reservation.name is None:
                return
            try:
                self.spending.settle(reservation.name, used)
            except Refused as error:
                # The answer is still to be kept. In the ledger the whole reservation counts as spent.
                if not self._unsettled:
                    say(f"relabel: what a call used is not settled, and all that was reserved for it counts as spent: {error}")
                self._unsettled = True

    def leave(self, reservation: Reservation) -> None:
        """Count a call as spent whose answer another run collects, which takes its reservation over."""
        with self._lock:
            self._move(reservation, {name: getattr(reservation, name) for name in NAMES})

    def release(self, names: Iterable[str]) -> None:
        """Give back what earlier processes had reserved for calls that certainly cost nothing."""
        if self.spending is not None:
            for name in names:
                self.spending.settle(name, dict.fromkeys(NAMES, 0))

    def late(self) -> str | None:
        """The sentence that the minutes are used up; null while they are not."""
        with self._lock:
            return None if self._began is None else self._too_late()

    @property
    def spent(self) -> dict[str, float]:
        """Pairs, tokens and money of calls that have ended."""
        with self._lock:
            return dict(self._spent)

    def _move(self, reservation: Reservation, used: dict[str, float]) -> None:
        for name, amount in used.items():
            self._held[name] -= getattr(reservation, name)
            self._spent[name] += amount

    def _look(self, total: dict[str, float], added: dict[str, float] | None) -> None:
        """Note what others have spent, by the ledger's total, which includes what this process has there, and `added` just now."""
        for name in NAMES:
            own = self._spent[name] - self._before[name] + self._held[name] + (added[name] if added else 0)
            self._others[name] = total[name] - own

    def _limits(self) -> dict[str, float]:
        """Limits of what the ledger counts, by name."""
        given = {name: getattr(self, name) for name in NAMES}
        return {name: limit * (1 + ROUNDING) - self._before[name] for name, limit in given.items() if limit is not None}

    def _named(self) -> str:
        return ", ".join(f"{getattr(self, name):,g} {unit}" for name, unit in NAMES.items() if getattr(self, name) is not None)

    def _exceeded(self, wanted: dict[str, float], held: dict[str, float]) -> str | None:
        for name, unit in NAMES.items():
            limit = getattr(self, name)
            if limit is not None and self._spent[name] + self._others[name] + held[name] + wanted[name] > limit * (1 + ROUNDING):
                return f"the budget of {limit:,g} {unit} is used up"
        return None

    def _too_late(self) -> str | None:
        if self.minutes is not None and self.clock() - self._began >= 60 * self.minutes:
            return f"the budget of {self.minutes:g} minutes is used up"
        return None


@dataclass(frozen=True)
class JudgeBudget:
    """A budget for the calls of one judge, which are noted on that judge's account."""

    budget: Budget
    judge: str

    def reserve(self, pairs: int, tokens: int, money: float, earlier: str | None = None) -> Reservation | None:
        return self.budget.reserve(pairs, tokens, money, self.judge, earlier)

    def waits(self, pairs: int, tokens: int, money: float) -> bool:
        return self.budget.waits(pairs, tokens, money)

    def settle(self, reservation: Reservation, tokens: int, money: float, pairs: int | None = None) -> None:
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
