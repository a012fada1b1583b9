"""The progress of `hone run`: one live line in a terminal, and log lines elsewhere."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Protocol

from commands.console import spell
from hone.errors import printable
from hone.pipeline import progress
from hone.pipeline.tracker import Tracker
from hone.stage import say

if TYPE_CHECKING:
    from rich.text import Text

REFRESHES = 2  # per second


class Display(Protocol):
    """Shows a run."""

    def begin(self, stage: str) -> None:
        """A stage begins."""

    def note(self, text: str) -> None:
        """Show a sentence about the run."""

    def log(self, line: str) -> None:
        """Show a line of DVC or of a stage."""

    def close(self) -> None:
        """The run has ended."""


def open_display(tracker: Tracker) -> Display:
    """A live line if standard error is a terminal, and log lines otherwise."""
    plain = not sys.stderr.isatty() or os.environ.get("TERM") == "dumb"
    return LogLines(tracker) if plain else LiveLine(tracker)


class LogLines:
    """Lines on standard error without control characters, for files, CI and cron."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker

    def begin(self, stage: str) -> None:
        say(describe_begin(stage, self.tracker))

    def note(self, text: str) -> None:
        say(text)

    def log(self, line: str) -> None:
        print(printable(line), file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing is open."""


class LiveLine:
    """The lines of the stages, and below them one line that is renewed."""

    def __init__(self, tracker: Tracker) -> None:
        from rich.console import Console
        from rich.live import Live

        self.tracker = tracker
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.live = Live(
            get_renderable=self.render,
            console=self.console,
            refresh_per_second=REFRESHES,
            transient=True,
        )
        self.live.start()

    def render(self) -> Text:
        """The live line, as wide as the terminal at most."""
        from rich.text import Text

        text = describe_now(self.tracker, progress.read_stages())
        return Text(printable(text), style="bold", no_wrap=True, overflow="ellipsis")

    def begin(self, stage: str) -> None:
        self.print(describe_begin(stage, self.tracker), "bold")

    def note(self, text: str) -> None:
        self.print(text, "")

    def log(self, line: str) -> None:
        self.print(line, "dim")

    def print(self, text: str, style: str) -> None:
        from rich.text import Text

        self.console.print(Text(printable(text), style=style))

    def close(self) -> None:
        self.live.stop()


def describe_begin(stage: str, tracker: Tracker) -> str:
    """The line when a stage begins, such as "[5/31] train@r1 (about 3 min left)"."""
    left = describe_left(tracker.seconds_left())
    return f"[{tracker.done + 1}/{len(tracker.stages)}] {stage}{f' ({left})' if left else ''}"


def describe_now(tracker: Tracker, stages: list[progress.StageState]) -> str:
    """The live line: stages done, the running stage, what it counts, and the time left."""
    running = list(tracker.running)
    counted = [describe_stage(state) for state in stages if state.stage in running and state.what]
    parts = [
        f"{tracker.done} of {len(tracker.stages)} stages",
        ", ".join(running) or "DVC compares inputs and outputs",
        *counted,
        describe_left(tracker.seconds_left()) if running else "",
    ]
    return " · ".join(part for part in parts if part)


def describe_stage(state: progress.StageState) -> str:
    """What a stage counts, such as "train: steps 40 of 94"."""
    of = f" of {state.total:,}" if state.total else ""
    left = f", {spell(state.seconds_left)} left" if state.seconds_left else ""
    return f"{state.what} {state.done:,}{of}{left}"


def describe_left(seconds: float | None) -> str:
    """The time left of a run; empty if it is unknown, or used up by a stage that takes longer than
    before.
    """
    return "" if seconds is None or seconds < 1 else f"about {spell(seconds)} left"
