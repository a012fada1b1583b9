"""What each stage of a trial cost, written as it ends: a trial that fails or is killed keeps it for the run that ends it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands.study.worktree import folder


@dataclass(frozen=True)
class Journal:
    """A file in HONE_HOME of one trial that has no result yet: a line for each run of a stage that ended well.

    Stages are listed by name: the trial's address identifies what they did.

    Args:
        address: of the trial.
    """

    address: str

    @property
    def file(self) -> Path:
        return folder() / f"{self.address}.stages.jsonl"

    def write(self, stage: str, cost: dict[str, Any]) -> None:
        """Note a stage that has ended.

        Args:
            stage: its name.
            cost: seconds, and what models read for it.
        """
        line = json.dumps({"stage": stage, **cost}) + "\n"
        with self.file.open("a+", encoding="utf-8") as file:
            if cut_off(file.name):
                line = f"\n{line}"
            file.write(line)

    def read(self) -> dict[str, dict[str, Any]]:
        """The cost of each stage by its name, of its last run that ended well; a line that was cut off says nothing."""
        if not self.file.exists():
            return {}
        found = [whole(line) for line in self.file.read_text(encoding="utf-8").splitlines()]
        return {line.pop("stage"): line for line in found if line}

    def remove(self) -> None:
        """Forget it: the trial's result has it all."""
        self.file.unlink(missing_ok=True)


def cut_off(file: str) -> bool:
    """Whether a file's last line has no end, because whoever wrote it was killed."""
    text = Path(file).read_bytes()
    return bool(text) and not text.endswith(b"\n")


def whole(line: str) -> dict[str, Any] | None:
    """A line of the file; null where it is none."""
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None
