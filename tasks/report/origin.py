"""Where a result comes from: the commit that is checked out, and DVC's hashes, which lead to the files."""

from __future__ import annotations

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
    try:
        stages = (yaml.safe_load(LOCK.read_text(encoding="utf-8")) or {}).get("stages", {})
    except (OSError, yaml.YAMLError):
        return {}
    return {
        wanted[out["path"]]: out["md5"]
        for stage in stages.values()
        for out in (stage or {}).get("outs", [])
        if out.get("path") in wanted and "md5" in out
    }
