"""The cost of each stage of a trial, written when the stage ends. It survives if the trial fails
or is killed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands.study.worktree import folder


@dataclass(frozen=True)
class Journal:
    """A file in HONE_HOME for an unfinished trial. It has a line for each successful run of a
    stage.

    Stages are listed by name: the trial's address identifies what they did.

    Args:
        name: of the trial's worktree, so that another checkout has a journal of its own.
    """

    name: str

    @property
    def file(self) -> Path:
        return folder() / f"{self.name}.stages.jsonl"

    def write(self, stage: str, cost: dict[str, Any]) -> None:
        """Record a stage that has ended.

        Args:
            stage: the name of the stage.
            cost: its seconds, and the texts and pairs that models read for it.
        """
        line = json.dumps({"stage": stage, **cost}) + "\n"
        with self.file.open("a+", encoding="utf-8") as file:
            if cut_off(file.name):
                line = f"\n{line}"
            file.write(line)

    def read(self) -> dict[str, dict[str, Any]]:
        """The cost of the last successful run of each stage, by name. Incomplete lines are
        skipped.
        """
        if not self.file.exists():
            return {}
        found = [whole(line) for line in self.file.read_text(encoding="utf-8").splitlines()]
        return {line.pop("stage"): line for line in found if line}

    def remove(self) -> None:
        """Delete the file: the trial's result has the same costs."""
        self.file.unlink(missing_ok=True)


def cut_off(file: str) -> bool:
    """Whether a file's last line is incomplete, because the process that wrote it was killed."""
    text = Path(file).read_bytes()
    return bool(text) and not text.endswith(b"\n")


def whole(line: str) -> dict[str, Any] | None:
    """The content of a line; null if the line is incomplete."""
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None
