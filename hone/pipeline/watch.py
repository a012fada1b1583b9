"""What must hold while a flow runs: nobody else works in this folder, and nobody edits what the work follows from."""

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
    """Hold the workspace for the block.

    Raises:
        Refused: another flow holds it.
    """
    from filelock import FileLock, Timeout

    LOCK.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Refused("another flow works in this folder: wait until it ends, or end it.") from None
    try:
        yield
    finally:
        lock.release()


class Watched:
    """The files that say what is done, as they stood when the flow began.

    DVC records a parameter file as it stands when a stage *ends*: an edit while a stage works would be recorded as what the
    stage had worked by.
    """

    def __init__(self) -> None:
        self.before = hashes()

    def refuse_changes(self, when: str) -> None:
        """Raises Refused when one of the files is not what it was at the beginning."""
        now = hashes()
        changed = sorted(name for name in self.before | now if self.before.get(name) != now.get(name))
        if changed:
            raise Refused(
                f"{listed(changed)} changed {when}, after the flow had begun: its results would belong to neither version. "
                "Start the flow again; what is finished and still right is not done twice."
            )


def hashes() -> dict[str, str]:
    """The watched files with their SHA-256."""
    files = [Path(name) for name in FILES] + [file for folder in FOLDERS for file in sorted(Path(folder).glob("*.yaml"))]
    return {str(file): fingerprint_of_file(file) for file in files if file.exists()}
