"""Unique process names: machine, boot, pid namespace, process number and start time."""

from __future__ import annotations

import functools
import hashlib
import os
import socket
import uuid
from pathlib import Path

DIGITS = 16  # of a hash
IDENTITY = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
BOOT = Path("/proc/sys/kernel/random/boot_id")


@functools.lru_cache(maxsize=1)
def _machine(process: int) -> str:
    host = next(
        (name for file in IDENTITY if (name := _line(file))),
        f"{socket.gethostname()} {uuid.getnode()}",
    )
    try:
        numbers = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        numbers = ""
    # Cloned machines share a machine-id, and so do containers of one image. Their boots and
    # namespaces differ.
    parts = "\0".join(("hone", host, _line(BOOT), numbers))
    return hashlib.sha256(parts.encode()).hexdigest()[:DIGITS]


def machine() -> str:
    """A hash of the scope of process numbers: one boot of one machine and one pid namespace (each
    container has its own).

    A machine-id is confidential, so only its hash leaves the machine.
    """
    return _machine(os.getpid())


def owner(process: int | None = None) -> str:
    """A globally unique name of a process of this machine: machine, number, start time.

    Args:
        process: its number; null: this process.
    """
    number = os.getpid() if process is None else process
    return f"{machine()}:{number}:{started(number)}"


def lives(name: str) -> bool | None:
    """Whether the process of an `owner` runs. Null if it belongs to another machine or
    container.
    """
    where, _, process = name.partition(":")
    number, _, start = process.partition(":")
    if where != machine() or not number.isdigit():
        return None
    return alive(int(number)) and started(int(number)) == start


def alive(process: int) -> bool:
    """Whether a process with this number runs on this machine. Zombies do not count."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state not in "ZX"


def started(process: int) -> str:
    """The start time of a process, which distinguishes it from a later one with the same number.
    Empty if unknown.
    """
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _line(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, ValueError):
        return ""
