"""What judging may spend: a hard stop, reserved before each call and settled after it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

NAMES = {"pairs": "pairs", "tokens": "tokens", "money": "of money"}
ROUNDING = 1e-9  # share of a limit: three calls at .1 fit into .3


@dataclass(frozen=True)
class Reservation:
    """What a call may use at most."""

    pairs: int
    tokens: int
    money: float


@dataclass
class Budget:
    """Limits that the judges of one stage share; null: none.

    Attributes:
        money: in the currency of the prices.
        tokens: read and written.
        pairs: asked about.
        minutes: from this run's first call on; a call that has begun by then is waited for, a vendor's batch is not.
        clock: seconds of a clock that never goes back.
        over: the sentence which limit ended it; null while there is something left.
    """

    money: float | None = None
    tokens: int | None = None
    pairs: int | None = None
    minutes: float | None = None
    clock: Callable[[], float] = time.monotonic
    over: str | None = field(default=None, init=False)
    _spent: dict[str, float] = field(default_factory=lambda: {"pairs": 0, "tokens": 0, "money": 0.0}, init=False)
    _held: dict[str, float] = field(default_factory=lambda: {"pairs": 0, "tokens": 0, "money": 0.0}, init=False)
    _began: float | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def begun_with(self, spent: dict[str, float]) -> None:
        """Count what an earlier run of the same stage spent before it ended: pairs, tokens, money."""
        with self._lock:
            for name, amount in spent.items():
                self._spent[name] += amount

    def reserve(self, pairs: int, tokens: int, money: float) -> Reservation | None:
        """Set aside what a call may use at most; null, and `over` says why, where that is more than is left.

        A call that does not fit is the end, even if a smaller one would: the stage then stops at the same pair again.
        """
        with self._lock:
            if self._began is None:
                self._began = self.clock()
            wanted = {"pairs": pairs, "tokens": tokens, "money": money}
            if self.over is None:
                self.over = self._too_late() or self._exceeded(wanted, self._held)
            if self.over is not None:
                return None
            for name, amount in wanted.items():
                self._held[name] += amount
            return Reservation(pairs, tokens, money)

    def waits(self, pairs: int, tokens: int, money: float) -> bool:
        """Whether a call does not fit now and may fit once calls under way have used less than was set aside for them."""
        with self._lock:
            wanted = {"pairs": pairs, "tokens": tokens, "money": money}
            if self.over is not None or self._began is None or self._too_late():
                return False
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
            for name, amount in used.items():
                self._held[name] -= getattr(reservation, name)
                self._spent[name] += amount

    def late(self) -> str | None:
        """The sentence that the minutes are used up; null while they are not."""
        with self._lock:
            return None if self._began is None else self._too_late()

    @property
    def spent(self) -> dict[str, float]:
        """Pairs, tokens and money of calls that have ended."""
        with self._lock:
            return dict(self._spent)

    def _exceeded(self, wanted: dict[str, float], held: dict[str, float]) -> str | None:
        for name, unit in NAMES.items():
            limit = getattr(self, name)
            if limit is not None and self._spent[name] + held[name] + wanted[name] > limit * (1 + ROUNDING):
                return f"the budget of {limit:,g} {unit} is used up"
        return None

    def _too_late(self) -> str | None:
        if self.minutes is not None and self.clock() - self._began >= 60 * self.minutes:
            return f"the budget of {self.minutes:g} minutes is used up"
        return None
