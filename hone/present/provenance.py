"""Provenance of results: the git commit, the machine, and DVC's hashes of files."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path

import yaml

LOCK = Path("dvc.lock")
WRITTEN = (":(exclude)dvc.lock", ":(exclude)reports")
TRIES, SECONDS = 5, 0.2


def read_commit() -> str | None:
    """The current commit, marked if tracked files differ from it; null outside a repository.

    Files that DVC writes during a run do not count as differences.
    """
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True
        ).stdout.strip()
        changed = (
            subprocess.run(
                ["git", "diff", "--quiet", "HEAD", "--", ".", *WRITTEN],
                check=False,
                capture_output=True,
            ).returncode
            != 0
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}{' with changes' if changed else ''}"


def read_lock() -> list[dict[str, str]]:
    """path, command (that regenerates it) and md5 of every output in DVC's lock file, sorted by
    path.
    """
    try:
        stages = (yaml.safe_load(LOCK.read_text(encoding="utf-8")) or {}).get("stages", {})
    except (OSError, yaml.YAMLError):
        return []
    found = [
        {"path": out["path"], "command": f"dvc repro {name}", "md5": out["md5"]}
        for name, stage in stages.items()
        for out in (stage or {}).get("outs", [])
        if "md5" in out
    ]
    return sorted(found, key=lambda row: row["path"])


def describe_machine() -> str:
    """Cores, processor, operating system and Python of this machine, without its name."""
    return (
        f"{os.cpu_count()} cores, {processor()}, {platform.system()}, Python "
        f"{platform.python_version()}"
    )


def processor() -> str:
    """The processor's model name."""
    named = (
        line.partition(":")[2].strip()
        for line in read_lines(Path("/proc/cpuinfo"))
        if line.startswith("model name")
    )
    return next(named, platform.processor()) or platform.machine()


def read_lines(file: Path) -> list[str]:
    """Lines of a system file; empty if it does not exist."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def read_hashes(wanted: dict[str, str]) -> dict[str, str]:
    """DVC's hashes (MD5) of those outputs that are in its lock file.

    A stage may not depend on dvc.lock, which changes with every stage. It holds the hashes of what
    earlier stages made when a later one runs. Another stage that ends at the same moment may be
    writing it. A file that lacks something is therefore read again.

    Args:
        wanted: {path: name}.

    Returns:
        {name: hash}.
    """
    found: dict[str, str] = {}
    for attempt in range(TRIES):
        if attempt:
            time.sleep(SECONDS)
        found = read_locked_hashes(wanted)
        if len(found) == len(wanted) or not LOCK.exists():
            break
    return found


def read_locked_hashes(wanted: dict[str, str]) -> dict[str, str]:
    """The wanted hashes in the current lock file; empty if it cannot be read."""
    return {wanted[entry["path"]]: entry["md5"] for entry in read_lock() if entry["path"] in wanted}
