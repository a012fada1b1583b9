"""Locks of work: one user of torch at a time on each device, one of each endpoint, and none of them while the store is cleaned.

Two that use torch on one machine's cores are ten times slower than one after the other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from hone.errors import Refused
from hone.files import home
from hone.stage import say

CLEANING = "store-cleaning.lock"
# Below HONE_HOME: who holds one of these encodes, trains, or runs a study's stages, and needs vectors that no model of a checkout has yet.
WORK = ("torch*.lock", "embeddings-*.lock", "studies/*.lock")


@contextmanager
def torch_lock(device: str = "cpu") -> Iterator[None]:
    """Hold the device for the block. Waits, and says for whom; a process that is killed lets go at once.

    May be taken again inside the block by the same process.
    """
    from filelock import FileLock, Timeout

    name = "torch.lock" if device == "cpu" else f"torch-{device.replace(':', '')}.lock"
    lock = FileLock(home() / name, is_singleton=True)
    holder = home() / f"{name}.holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        other = holder.read_text() if holder.exists() else "another process"
        say(f"waiting: {other} uses torch on {device}")
        lock.acquire()
    try:
        holder.write_text(f"process {os.getpid()}")
        wait_for_cleaning()
        yield
    finally:
        lock.release()


@contextmanager
def endpoint_lock(name: str) -> Iterator[None]:
    """Hold an endpoint for the block: texts that two processes need are encoded, and paid, once."""
    from filelock import FileLock

    with FileLock(home() / f"embeddings-{name}.lock"):
        wait_for_cleaning()
        yield


def wait_for_cleaning() -> None:
    """Return when nobody cleans the store. Called with a lock of WORK held, which a cleaning that begins later will find."""
    from filelock import FileLock

    with FileLock(home() / CLEANING):
        pass


@contextmanager
def no_work() -> Iterator[None]:
    """Hold all work off the store for the block.

    Raises:
        Refused: somebody is at work.
    """
    from filelock import FileLock, Timeout

    with ExitStack() as held:
        held.enter_context(FileLock(home() / CLEANING))
        for path in sorted(path for kind in WORK for path in home().glob(kind)):
            try:
                held.enter_context(FileLock(path, timeout=0))
            except Timeout:
                holder = path.with_name(f"{path.name}.holder")
                who = f" by {holder.read_text()}" if holder.exists() else ""
                raise Refused(
                    f"nothing was deleted: {path} is held{who}, so that something is being encoded or trained, and vectors that no model "
                    "here needs yet may be in use. Run this again when it has ended."
                ) from None
        yield
