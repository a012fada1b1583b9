"""How long each stage of a trial takes, from the lines that DVC prints."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

BEGINS = re.compile(r"^Running stage '([^']+)'")
# What DVC says when a stage has ended well, or that another needs no run.
ENDS = re.compile(r"^(Updating lock file|Generating lock file|Stage ')")
# What it says when a stage failed or was ended: what that took is not what the stage takes.
FAILS = re.compile(r"^ERROR: (failed|interrupted|unexpected)")


class StageClock:
    """Reads the lines of DVC as they come.

    Args:
        ended: is told the name and the seconds of every stage that ended well, as soon as that is known.
        now: a clock in seconds.
    """

    def __init__(self, ended: Callable[[str, float], None], now: Callable[[], float] = time.monotonic) -> None:
        self.ended, self.now = ended, now
        self._stage: str | None = None
        self._since = 0.0

    def hear(self, line: str) -> None:
        """Take notice of a line."""
        begins = BEGINS.match(line)
        if FAILS.match(line):
            self._stage = None
        elif (begins or ENDS.match(line)) and self._stage is not None:
            self.ended(self._stage, round(self.now() - self._since, 2))
            self._stage = None
        if begins:
            self._stage, self._since = begins[1], self.now()

    def finish(self) -> None:
        """Note the last stage when DVC has ended well: no further line follows it."""
        if self._stage is not None:
            self.ended(self._stage, round(self.now() - self._since, 2))
            self._stage = None
