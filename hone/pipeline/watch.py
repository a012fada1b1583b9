"""Guards of a running flow: one flow per folder, and no edits of the files that define the work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hone.errors import Refused, listed
from hone.files import fingerprint_of_file

LOCK = Path(".dvc/tmp/flow.lock")
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
        raise Refused("another flow runs in this folder. Wait until it ends, or stop it.") from None
    try:
        yield
    finally:
        lock.release()


class Watched:
    """The files that define the work, as they were when the flow began.

    DVC records a parameter file as it is when a stage *ends*. An edit during a stage would be
    recorded as the stage's input.
    """

    def __init__(self) -> None:
        self.before = hashes()

    def refuse_changes(self, when: str) -> None:
        """Raise Refused if one of the files has changed since the flow began."""
        now = hashes()
        changed = sorted(
            name for name in self.before | now if self.before.get(name) != now.get(name)
        )
        if changed:
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
