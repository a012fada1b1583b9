"""Where a result comes from: the commit that is checked out, and DVC's hashes, which lead to the files."""

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


def git_commit() -> str | None:
    """The commit that is checked out, marked where tracked files differ from it; null outside a repository.

    What DVC writes while it works does not count as a difference.
    """
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
        changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", ".", *WRITTEN], check=False, capture_output=True).returncode != 0
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}{' with changes' if changed else ''}"


def lock_entries() -> list[dict[str, str]]:
    """path, command (that makes it again) and md5 of every output that DVC's lock file knows now, by path."""
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


def machine() -> str:
    """What the page was made on: cores, processor, system, Python; no names."""
    return f"{os.cpu_count()} cores, {processor()}, {platform.system()}, Python {platform.python_version()}"


def processor() -> str:
    """The processor's model name."""
    named = (line.partition(":")[2].strip() for line in lines_of(Path("/proc/cpuinfo")) if line.startswith("model name"))
    return next(named, platform.processor()) or platform.machine()


def lines_of(file: Path) -> list[str]:
    """Lines of a file of the system; none where it is not there."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def hashes(wanted: dict[str, str]) -> dict[str, str]:
    """DVC's hashes (MD5) of outputs, as far as its lock file knows them.

    A stage may not depend on dvc.lock, which changes with every stage. It holds the hashes of what earlier stages made when a
    later one runs. Another stage that ends at the same moment may be writing it, so a file that lacks something is read again.

    Args:
        wanted: {path: name}.

    Returns:
        {name: hash}.
    """
    found: dict[str, str] = {}
    for attempt in range(TRIES):
        if attempt:
            time.sleep(SECONDS)
        found = locked(wanted)
        if len(found) == len(wanted) or not LOCK.exists():
            break
    return found


def locked(wanted: dict[str, str]) -> dict[str, str]:
    """What the lock file says now; nothing where it cannot be read."""
    return {wanted[entry["path"]]: entry["md5"] for entry in lock_entries() if entry["path"] in wanted}
