"""How long each stage of an experiment took, from what DVC says while it runs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

BEGINS = re.compile(r"^Running stage '([^']+)'")
# What DVC says when a stage has ended, or that another needs no run.
ENDS = re.compile(r"^(Updating lock file|Generating lock file|Stage '|Ran experiment|ERROR)")


class StageClock:
    """Hears an experiment's lines as they come."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.seconds: dict[str, float] = {}
        self._stage: str | None = None
        self._since = 0.0

    def hear(self, line: str) -> None:
        """Take notice of a line."""
        begins = BEGINS.match(line)
        if begins or ENDS.match(line):
            self._end()
        if begins:
            self._stage, self._since = begins[1], self.now()

    def _end(self) -> None:
        if self._stage is not None:
            self.seconds[self._stage] = round(self.now() - self._since, 2)
            self._stage = None
