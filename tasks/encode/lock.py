"""One user of torch at a time on each device: two on one machine's cores are ten times slower than one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tasks.files import home
from tasks.stage import say


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
        yield
    finally:
        lock.release()
