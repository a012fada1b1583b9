"""How many calls go out at once: one more when all is well, half as many when the endpoint is overloaded (AIMD, as TCP does)."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LATER = 0.1  # share of a pause by which calls come back later than asked, each by another part, so that they do not come at once


class Load:
    """What an endpoint has shown that it bears; outlives the calls of one event loop.

    Args:
        most: calls at once, with which it begins.
    """

    def __init__(self, most: int) -> None:
        self.most = self.limit = float(most)
        self.free_at = 0.0
        self.halved_at = 0.0

    def well(self) -> None:
        """A call went well: one more at once for each round of calls."""
        self.limit = min(self.most, self.limit + 1 / self.limit)

    def overloaded(self, began: float, wait: float | None) -> None:
        """The endpoint asked for less. Calls that were under way together halve the limit once.

        Args:
            began: when the call was sent, by `time.monotonic`.
            wait: seconds in which nothing is to be sent; null: it did not say.
        """
        now = time.monotonic()
        if wait:
            self.free_at = max(self.free_at, now + wait)
        if began >= self.halved_at:
            self.limit = max(1.0, self.limit / 2)
            self.halved_at = now


class Pace:
    """The pace of calls to one endpoint, for one event loop."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.under_way = 0
        self.changed = asyncio.Condition()

    @property
    def slots(self) -> int:
        return max(1, int(self.load.limit))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold one of the slots, once there is one and the pause that the endpoint asked for is over."""
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
