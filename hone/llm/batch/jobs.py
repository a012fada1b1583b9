"""Batches at a vendor whose completions have not all been collected: files that outlive the
process, so that none is paid twice.

`<name>.json` describes the submitted batch, `<name>.done` lists its collected completions,
`<name>.lock` is held by the waiting process.
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

RETENTION = (
    30 * 86400
)  # seconds after which the vendor is queried whether it still has an uncollected batch
PRIVATE = 0o700  # mode of the folder: the requests contain private texts
CALLED = {"json", "jsonl", "done", "lock"}


def folder() -> Path:
    return home() / "batches"


def who(endpoint: Endpoint) -> str:
    """A fingerprint of the endpoint, because its address may contain a secret."""
    return fingerprint(endpoint.url, endpoint.model)


@dataclass
class Submitted:
    """One batch, held by this process.

    Attributes:
        name: our name of the batch, which the vendor stores as metadata.
        endpoint: fingerprint of the endpoint.
        created: seconds since 1970.
        calls: our names of its requests whose completions have not been collected.
        reservations: names of their reservations in the ledger, by our names.
        uploaded: seconds since 1970 by the vendor's clock; null: not uploaded, or unknown.
        lock: held by this process.
        file: the vendor's name of the uploaded file; null: not known to be uploaded.
        batch: the vendor's name of the batch; null: not known to be submitted.
    """

    name: str
    endpoint: str
    created: float
    calls: dict[str, None]
    lock: Any
    file: str | None = None
    batch: str | None = None
    reservations: dict[str, str] = field(default_factory=dict)
    uploaded: float | None = None

    def path(self, kind: str) -> Path:
        return folder() / f"{self.name}.{kind}"

    def save(self, **more: str | float | None) -> None:
        """Update fields and write the file."""
        for name, value in more.items():
            setattr(self, name, value)
        write_json(
            self.path("json"),
            {
                "endpoint": self.endpoint,
                "created": self.created,
                "file": self.file,
                "batch": self.batch,
                "held": self.reservations,
                "uploaded": self.uploaded,
                "calls": list(self.calls),
            },
        )

    def done(self, calls: Iterable[str]) -> None:
        """Mark requests as collected, or as never to be completed."""
        with self.path("done").open("a") as file:
            for call in calls:
                if call in self.calls:
                    del self.calls[call]
                    file.write(f"{call}\n")

    def end(self) -> None:
        """Release the lock, and delete the files if nothing is left to collect."""
        if not self.calls:
            for kind in ("json", "jsonl", "done"):
                self.path(kind).unlink(missing_ok=True)
        self.lock.release()
        if not self.calls:
            self.path("lock").unlink(missing_ok=True)


def begun(
    endpoint: Endpoint, calls: Iterable[str], reserved: dict[str, str] | None = None
) -> Submitted:
    """Create the files of a batch that is about to be submitted.

    Args:
        endpoint: receives it.
        calls: our names of its requests.
        reserved: names of their reservations in the ledger.
    """
    name = uuid.uuid4().hex
    folder().mkdir(mode=PRIVATE, exist_ok=True)
    new = Submitted(
        name,
        who(endpoint),
        time.time(),
        dict.fromkeys(calls),
        lock_batch(name),
        reservations=reserved or {},
    )
    new.save()
    return new


def left_behind(endpoint: Endpoint) -> Iterator[Submitted]:
    """Batches at this endpoint without a waiting process. From now on this process holds them.

    Raises:
        Refused: a file is not the description of a batch.
    """
    for path in sorted(folder().glob("*.json")):
        lock = lock_batch(path.stem)
        if lock is None:
            continue
        if not path.exists():  # its process has just ended it
            lock.release()
            continue
        found = read(path, lock)
        if found.endpoint == who(endpoint) and found.calls:
            yield found
        else:
            found.end()


def old(one: Submitted) -> bool:
    """Whether a vendor may have deleted a batch, by this machine's clock, which may be or have
    been wrong.
    """
    return abs(time.time() - one.created) > RETENTION


def read(path: Path, lock: Any) -> Submitted:
    try:
        description = read_json(path)
        done = path.with_suffix(".done")
        collected = set(done.read_text().split("\n")) if done.exists() else set()
        calls = dict.fromkeys(call for call in description["calls"] if call not in collected)
        more = {
            "reservations": dict(description.get("held") or {}),
            "uploaded": description.get("uploaded"),
        }  # earlier versions did not note these
        return Submitted(
            path.stem,
            description["endpoint"],
            float(description["created"]),
            calls,
            lock,
            description["file"],
            description["batch"],
            **more,
        )
    except (ValueError, KeyError, TypeError):
        lock.release()
        raise Refused(
            f"{path} is not the description of a batch. Remove it; its requests are then sent "
            "again."
        ) from None


def lock_batch(name: str) -> Any:
    """The lock of a batch, held until this process releases it or ends; null if another process
    holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder() / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock
