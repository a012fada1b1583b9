"""The time that each stage of a trial takes, from the lines that DVC prints."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

BEGINS = re.compile(r"^Running stage '([^']+)'")
# DVC prints this when a stage has succeeded or is skipped.
ENDS = re.compile(r"^(Updating lock file|Generating lock file|Stage ')")
# DVC prints this when a stage fails or is interrupted. Its time is not that of a complete stage.
FAILS = re.compile(r"^ERROR: (failed|interrupted|unexpected)")


class StageClock:
    """Reads DVC's lines as they are printed.

    Args:
        ended: is called with the name and the seconds of every stage that succeeds, as soon as that
            is known.
        now: a clock in seconds.
    """

    def __init__(
        self, ended: Callable[[str, float], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self.ended, self.now = ended, now
        self._stage: str | None = None
        self._since = 0.0

    def hear(self, line: str) -> None:
        """Read a line."""
        begins = BEGINS.match(line)
        if FAILS.match(line):
            self._stage = None
        elif (begins or ENDS.match(line)) and self._stage is not None:
            self.ended(self._stage, round(self.now() - self._since, 2))
            self._stage = None
        if begins:
            self._stage, self._since = begins[1], self.now()

    def finish(self) -> None:
        """Report the last stage after DVC has succeeded. No further line follows it."""
        if self._stage is not None:
            self.ended(self._stage, round(self.now() - self._since, 2))
            self._stage = None
