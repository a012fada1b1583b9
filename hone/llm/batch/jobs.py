"""Batches that a vendor has and whose answers are not all here: files that outlive the process, so that none is paid twice.

`<name>.json` says what was submitted, `<name>.done` which answers have been handed on, `<name>.lock` is held by the process that waits.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hone.errors import Refused
from hone.files import fingerprint, home, read_json, write_json
from hone.llm.completion import Endpoint

KEPT = 30 * 86400  # seconds after which a vendor is asked whether it still has a batch that nobody collects
PRIVATE = 0o700  # mode of the folder: the calls quote private texts
CALLED = {"json", "jsonl", "done", "lock"}


def folder() -> Path:
    return home() / "batches"


def who(endpoint: Endpoint) -> str:
    """The endpoint without what may be secret in its address."""
    return fingerprint(endpoint.url, endpoint.model)


@dataclass
class Submitted:
    """One batch, held by this process.

    Attributes:
        name: ours; the vendor keeps it as metadata.
        endpoint: fingerprint of where it went.
        created: seconds since 1970.
        calls: our names of its calls whose answers have not been handed on.
        held: names of what the ledger has reserved for them, by our names.
        uploaded: seconds since 1970 by the vendor's clock; null: not uploaded, or the vendor does not give it.
        lock: held.
        file: the vendor's name of the uploaded calls; null: not uploaded, for all we know.
        batch: the vendor's name of the batch; null: not submitted, for all we know.
    """

    name: str
    endpoint: str
    created: float
    calls: dict[str, None]
    lock: Any
    file: str | None = None
    batch: str | None = None
    held: dict[str, str] = field(default_factory=dict)
    uploaded: float | None = None

    def path(self, kind: str) -> Path:
        return folder() / f"{self.name}.{kind}"

    def save(self, **more: str | float | None) -> None:
        """Write what is known of it, and what has become known now."""
        for name, value in more.items():
            setattr(self, name, value)
        names = ("endpoint", "created", "file", "batch", "held", "uploaded")
        write_json(self.path("json"), {name: getattr(self, name) for name in names} | {"calls": list(self.calls)})

    def done(self, calls: Iterable[str]) -> None:
        """These answers have been handed on, or will never come."""
        with self.path("done").open("a") as file:
            for call in calls:
                if call in self.calls:
                    del self.calls[call]
                    file.write(f"{call}\n")

    def end(self) -> None:
        """Let go of it, and forget it where nothing more is to come."""
        if not self.calls:
            for kind in ("json", "jsonl", "done"):
                self.path(kind).unlink(missing_ok=True)
        self.lock.release()
        if not self.calls:
            self.path("lock").unlink(missing_ok=True)


def begun(endpoint: Endpoint, calls: Iterable[str], reserved: dict[str, str] | None = None) -> Submitted:
    """A batch of these calls that is about to be submitted, and the names of what is reserved for them."""
    name = uuid.uuid4().hex
    folder().mkdir(mode=PRIVATE, exist_ok=True)
    new = Submitted(name, who(endpoint), time.time(), dict.fromkeys(calls), held(name), held=reserved or {})
    new.save()
    return new


def left_behind(endpoint: Endpoint) -> Iterator[Submitted]:
    """Batches at this endpoint that nobody waits for any more; each is held by this process from now on.

    Raises:
        Refused: a file that says nothing of a batch.
    """
    for path in sorted(folder().glob("*.json")):
        lock = held(path.stem)
        if lock is None:
            continue
        if not path.exists():  # who held it has just ended it
            lock.release()
            continue
        found = read(path, lock)
        if found.endpoint == who(endpoint) and found.calls:
            yield found
        else:
            found.end()


def old(one: Submitted) -> bool:
    """Whether a vendor may have deleted a batch by now, by this machine's clock, which may be wrong now or may have been then."""
    return abs(time.time() - one.created) > KEPT


def read(path: Path, lock: Any) -> Submitted:
    try:
        told = read_json(path)
        done = path.with_suffix(".done")
        gone = set(done.read_text().split("\n")) if done.exists() else set()
        calls = dict.fromkeys(call for call in told["calls"] if call not in gone)
        more = {"held": dict(told.get("held") or {}), "uploaded": told.get("uploaded")}  # earlier versions did not note these
        return Submitted(path.stem, told["endpoint"], float(told["created"]), calls, lock, told["file"], told["batch"], **more)
    except (ValueError, KeyError, TypeError):
        lock.release()
        raise Refused(f"{path} says nothing of a batch. Remove it; the calls of that batch are then made again.") from None


def held(name: str) -> Any:
    """The lock of a batch, held until this process lets go or ends; null where another holds it."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder() / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock
