"""What `dvc repro` does, from the lines that it and its stages print."""

from __future__ import annotations

import re

from commands.run.display import Display
from hone.pipeline.graph import last_lines
from hone.pipeline.tracker import Tracker

RUNS = re.compile(r"^Running stage '([^']+)'")
RESTORED = re.compile(r"^Stage '([^']+)' is cached")
UNCHANGED = re.compile(r"^(?:Stage )?'([^']+)' didn't change")
# DVC prints the command of a stage, a last sentence, and the locks that it has removed.
HIDDEN = re.compile(
    r"^(> |Data and pipelines are up to date|WARNING: Process '.* had been killed\. Auto removed)"
)
FAILS = re.compile(r"^ERROR: (failed|interrupted|unexpected)")


class DvcOutput:
    """Reads the lines as they are printed, tracks the run and shows it.

    Attributes:
        stage: the running stage; null between two stages.
        lines: what the running stage has printed, or DVC if no stage runs.
        ran: the stages that ran, in order.
    """

    def __init__(self, tracker: Tracker, display: Display) -> None:
        self.tracker, self.display = tracker, display
        self.stage: str | None = None
        self.lines: list[str] = []
        self.ran: list[str] = []

    def hear(self, line: str) -> None:
        """Read a line."""
        if found := RUNS.match(line):
            self.finish()
            self.begin(found[1])
        elif found := RESTORED.match(line):
            self.finish()
            self.tracker.finish(found[1], "Restored")
            self.display.note(f"{found[1]}: restored from DVC's cache")
        elif found := UNCHANGED.match(line):
            self.finish()
            self.tracker.finish(found[1], "Unchanged")
        elif not HIDDEN.match(line) and not (FAILS.match(line) and self.stage):
            self.lines.append(line)
            self.display.log(line)

    def begin(self, stage: str) -> None:
        """A stage begins."""
        self.stage, self.lines = stage, []
        self.ran.append(stage)
        self.tracker.begin(stage)
        self.display.begin(stage)

    def finish(self) -> None:
        """The running stage, if there is one, has succeeded: another line follows, or DVC has
        ended.
        """
        if self.stage is not None:
            self.tracker.finish(self.stage, "Completed")
        self.stage, self.lines = None, []

    @property
    def last_lines(self) -> str:
        """The last lines of the running stage, or of DVC."""
        return last_lines("\n".join(self.lines))
