"""Guards of a running flow: one flow per folder, and no edits of the files that define the work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hone.errors import Refused, listed
from hone.files import fingerprint_of_file

LOCK = Path(".dvc/tmp/flow.lock")
DVC_USERS = Path(".dvc/tmp/rwlock")
FILES = ("params.yaml", "dvc.yaml")
FOLDERS = ("recipes",)


@contextmanager
def alone_here() -> Iterator[None]:
    """Lock the workspace for the block.

    Raises:
        Refused: another flow has locked it.
    """
    from filelock import FileLock, Timeout

    LOCK.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Refused(
            "another flow or `hone run` runs in this folder. Wait until it ends, or stop it. "
            "`hone status` shows its progress."
        ) from None
    try:
        yield
    finally:
        lock.release()


def refuse_running_dvc() -> None:
    """Raises Refused if DVC runs stages in this folder."""
    found = running_dvc()
    if found:
        raise Refused(
            f"DVC runs in this folder: process {found[0]} (`dvc repro` in another terminal or "
            "editor). Wait until it ends, or stop it."
        )


def running_dvc() -> list[int]:
    """The processes of DVC that run stages in this folder. DVC lists them in a file, which names
    killed processes too.
    """
    try:
        users = json.loads(DVC_USERS.read_text(encoding="utf-8"))
        rows = [row for found in users.get("read", {}).values() for row in found]
        numbers = {int(row["pid"]) for row in [*rows, *users.get("write", {}).values()]}
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return []
    return sorted(number for number in numbers if is_dvc(number))


def is_dvc(process: int) -> bool:
    """Whether a process runs and is DVC. A later process may have the number of a killed one."""
    import psutil

    try:
        return any("dvc" in word for word in psutil.Process(process).cmdline())
    except psutil.Error:
        return False


class Watched:
    """The files that define the work, as they were when the flow began.

    DVC records a parameter file as it is when a stage *ends*. An edit during a stage would be
    recorded as the stage's input.
    """

    def __init__(self) -> None:
        self.before = hashes()

    def changed(self) -> list[str]:
        """The files that have changed since the flow began."""
        now = hashes()
        return sorted(name for name in self.before | now if self.before.get(name) != now.get(name))

    def refuse_changes(self, when: str) -> None:
        """Raise Refused if one of the files has changed since the flow began."""
        if changed := self.changed():
            raise Refused(
                f"{listed(changed)} changed {when}, after the flow had begun, so the results "
                "would match neither version. Start "
                "the flow again. Finished stages that are still valid are not repeated."
            )


def hashes() -> dict[str, str]:
    """The watched files with their SHA-256."""
    files = [Path(name) for name in FILES] + [
        file for folder in FOLDERS for file in sorted(Path(folder).glob("*.yaml"))
    ]
    return {str(file): fingerprint_of_file(file) for file in files if file.exists()}
