"""Adaptive concurrency: one more slot after a successful round of calls, half as many after an
overload (AIMD, as in TCP).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# maximum fraction by which a requested pause is exceeded at random, so that calls do not resume at
# once
LATER = 0.1


class Load:
    """The concurrency limit of an endpoint; it outlives an event loop.

    Args:
        most: initial and maximum number of concurrent calls.
    """

    def __init__(self, most: int) -> None:
        self.most = self.limit = float(most)
        self.free_at = 0.0
        self.halved_at = 0.0

    def well(self) -> None:
        """Raise the limit after a successful call: by one per round of calls."""
        self.limit = min(self.most, self.limit + 1 / self.limit)

    def overloaded(self, began: float, wait: float | None) -> None:
        """Halve the limit after an overload, once for calls that were in flight together.

        Args:
            began: time at which the call was sent, by `time.monotonic`.
            wait: seconds without calls that the endpoint requests; null: none.
        """
        now = time.monotonic()
        if wait:
            self.free_at = max(self.free_at, now + wait)
        if began >= self.halved_at:
            self.limit = max(1.0, self.limit / 2)
            self.halved_at = now


class Pace:
    """The slots of one endpoint in one event loop."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.under_way = 0
        self.changed = asyncio.Condition()

    @property
    def slots(self) -> int:
        return max(1, int(self.load.limit))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a slot, after one is free and a requested pause is over."""
        if self.under_way >= self.slots:
            async with self.changed:
                await self.changed.wait_for(lambda: self.under_way < self.slots)
        self.under_way += 1
        try:
            while (left := self.load.free_at - time.monotonic()) > 0:
                await asyncio.sleep(left * random.uniform(1, 1 + LATER))
            yield
        finally:
            self.under_way -= 1
            async with self.changed:
                self.changed.notify_all()
