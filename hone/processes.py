"""Processes by a name that no other has: which machine, since which start, in which space of process numbers, which process."""

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
    host = next((name for file in IDENTITY if (name := _line(file))), f"{socket.gethostname()} {uuid.getnode()}")
    try:
        numbers = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        numbers = ""
    # Machines that were cloned have one machine-id, and containers made from one image too; their boots and spaces differ.
    parts = "\0".join(("hone", host, _line(BOOT), numbers))
    return hashlib.sha256(parts.encode()).hexdigest()[:DIGITS]


def machine() -> str:
    """A hash of where process numbers mean the same: one boot of one machine, and one pid namespace (a container has its own).

    A machine-id is confidential, so only a hash of it leaves the machine.
    """
    return _machine(os.getpid())


def owner() -> str:
    """This process, as no other is called anywhere: machine, number, start."""
    return f"{machine()}:{os.getpid()}:{started(os.getpid())}"


def lives(name: str) -> bool | None:
    """Whether the process of an `owner` runs; null where that cannot be seen from here: on another machine, in another container."""
    where, _, process = name.partition(":")
    number, _, start = process.partition(":")
    if where != machine() or not number.isdigit():
        return None
    return alive(int(number)) and started(int(number)) == start


def alive(process: int) -> bool:
    """Whether a process of this number runs on this machine; one that has ended and that nobody has waited for does not."""
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
    """When a process began, so that a later one with its number differs; empty where that cannot be known."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _line(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, ValueError):
        return ""
