"""Locks: one torch process per device, one process per endpoint, and neither during a cache
cleanup.

Two torch processes on the same cores are ten times slower than one after the other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from hone.errors import Refused
from hone.files import home
from hone.stage import say

CLEANING = "store-cleaning.lock"
# Below HONE_HOME. Their holders encode, train or run study stages, and may need vectors that no
# local model needs yet.
WORK = ("torch*.lock", "embeddings-*.lock", "studies/*.lock")


@contextmanager
def torch_lock(device: str = "cpu") -> Iterator[None]:
    """Lock the device for the block. Waits, and logs the holder. A killed process releases it at
    once.

    The lock is reentrant within a process.
    """
    from filelock import FileLock, Timeout

    name = "torch.lock" if device == "cpu" else f"torch-{device.replace(':', '')}.lock"
    lock = FileLock(home() / name, is_singleton=True)
    holder = home() / f"{name}.holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        other = holder.read_text() if holder.exists() else "another process"
        say(f"waiting for the device {device}, which {other} uses")
        lock.acquire()
    try:
        holder.write_text(f"process {os.getpid()}")
        wait_for_cleaning()
        yield
    finally:
        lock.release()


@contextmanager
def endpoint_lock(name: str) -> Iterator[None]:
    """Lock an endpoint for the block, so texts that two processes need are encoded and paid for
    once.
    """
    from filelock import FileLock

    with FileLock(home() / f"embeddings-{name}.lock"):
        wait_for_cleaning()
        yield


def wait_for_cleaning() -> None:
    """Wait until no cache cleanup runs. The caller holds a WORK lock, which a later cleanup
    detects.
    """
    from filelock import FileLock

    with FileLock(home() / CLEANING):
        pass


@contextmanager
def no_work() -> Iterator[None]:
    """Block all encoding and training for the block.

    Raises:
        Refused: such work is running.
    """
    from filelock import FileLock, Timeout

    with ExitStack() as locks:
        locks.enter_context(FileLock(home() / CLEANING))
        for path in sorted(path for kind in WORK for path in home().glob(kind)):
            try:
                locks.enter_context(FileLock(path, timeout=0))
            except Timeout:
                holder = path.with_name(f"{path.name}.holder")
                who = f" by {holder.read_text()}" if holder.exists() else ""
                raise Refused(
                    f"nothing was deleted: {path} is locked{who}, so encoding or training is "
                    "running and may use vectors that no "
                    "local model needs yet. Run this again when it has ended."
                ) from None
        yield
