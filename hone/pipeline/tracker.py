"""Tracks a run of stages: what is done, what runs, and the time left. Writes its progress file."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Literal

from hone.pipeline import durations, progress
from hone.processes import owner

Result = Literal["Completed", "Unchanged", "Restored", "Not run"]


class Tracker:
    """The progress of one run. Its methods may be called by several threads.

    Args:
        command: what was started, such as `hone run`.
        stages: the stages of the run.
    """

    def __init__(self, command: str, stages: Sequence[str]) -> None:
        self.command, self.stages = command, list(stages)
        self.outcomes: dict[str, Result] = {}
        self.running: dict[str, float] = {}
        self.groups: list[str] = []
        self.expected: set[str] | None = None
        self.durations = durations.read()
        self.began = time.time()
        self.lock = threading.Lock()
        self._write()

    def expect(self, stages: Iterable[str]) -> None:
        """Set the stages that may run, which the time left counts. Before this call it is
        unknown.
        """
        with self.lock:
            self.expected = set(stages)
            self._write()

    def add_group(self, process: int) -> None:
        """Add a process group, by its first process. The next run ends it if this one is killed."""
        with self.lock:
            self.groups.append(owner(process))
            self._write()

    def begin(self, stage: str) -> None:
        """A stage begins."""
        with self.lock:
            self.running[stage] = time.time()
            self._write()

    def finish(self, stage: str, outcome: Result) -> None:
        """A stage is up to date. The duration of one that ran goes to the journal."""
        with self.lock:
            began = self.running.pop(stage, None)
            if stage in self.stages:
                self.outcomes[stage] = outcome
            self._write()
        if outcome == "Completed" and began is not None:
            durations.record(stage, time.time() - began)

    def drop(self, stage: str) -> None:
        """A stage has failed, or has been interrupted."""
        with self.lock:
            self.running.pop(stage, None)
            self._write()

    def close(self) -> None:
        """Remove the progress file: the run has ended."""
        progress.remove_run()

    @property
    def done(self) -> int:
        """The number of stages that are up to date."""
        return len(self.outcomes)

    def seconds_left(self) -> float | None:
        """From the durations of the same stages in earlier runs. Null: unknown."""
        if self.expected is None:
            return None
        waiting = (name for name in self.expected if name not in self.outcomes)
        return progress.estimate_seconds_left(waiting, self.durations, self.running)

    def state(self) -> progress.RunState:
        """How far the run is."""
        return progress.RunState(
            owner(),
            tuple(self.groups),
            self.command,
            self.began,
            self.done,
            len(self.stages),
            dict(self.running),
            self.seconds_left(),
        )

    def _write(self) -> None:
        progress.write_run(self.state())
