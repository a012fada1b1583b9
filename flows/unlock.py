"""DVC's lock file, when a kill in the middle of writing it left it unreadable: DVC would refuse to work until it is gone.

`python -m flows.unlock` removes it then, and only then: a readable one is DVC's own business (it clears dead owners itself).
"""

from __future__ import annotations

import json
from pathlib import Path

from tasks.stage import run, say

FILE = Path(".dvc/tmp/rwlock")


def main() -> None:
    """Remove the lock file if it cannot be read."""
    if broken():
        FILE.unlink(missing_ok=True)
        say(f"{FILE} was left half written by a process that was killed; it is removed")


def broken() -> bool:
    """Whether the lock file is there and is no JSON."""
    try:
        json.loads(FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return False


if __name__ == "__main__":
    run(main)
