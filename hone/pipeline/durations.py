"""The journal of stage durations of a checkout, from which the time left of a run is estimated.

It is below `.dvc/tmp`, so git and DVC ignore it. Without it, the time left is unknown.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from hone.files import write_text
from hone.pipeline.progress import FOLDER

FILE = FOLDER / "durations.jsonl"
MOST_LINES = 5_000


def record(stage: str, seconds: float) -> None:
    """Append the duration of a stage that has succeeded. A journal that cannot be written is
    skipped.
    """
    line = json.dumps({"stage": stage, "seconds": round(seconds, 2)}) + "\n"
    with suppress(OSError):
        FILE.parent.mkdir(parents=True, exist_ok=True)
        with FILE.open("a+", encoding="utf-8") as file:
            # A killed process may have left half a line.
            file.write(f"\n{line}" if is_cut_off(FILE) else line)
        shorten()


def read() -> dict[str, float]:
    """The last duration of each stage, in seconds. Incomplete lines are skipped."""
    found: dict[str, float] = {}
    with suppress(OSError):
        for line in FILE.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError, TypeError, KeyError):
                fields = json.loads(line)
                found[fields["stage"]] = float(fields["seconds"])
    return found


def shorten() -> None:
    """Keep only the last duration of each stage if the journal is long."""
    if FILE.read_bytes().count(b"\n") > MOST_LINES:
        rows = ({"stage": stage, "seconds": seconds} for stage, seconds in read().items())
        write_text(FILE, "".join(json.dumps(row) + "\n" for row in rows))


def is_cut_off(file: Path) -> bool:
    """Whether the last line of a file is incomplete."""
    text = file.read_bytes()
    return bool(text) and not text.endswith(b"\n")
