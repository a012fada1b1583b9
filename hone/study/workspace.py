"""The user's files while DVC makes an experiment of them.

For some seconds DVC works in the folder itself: it leaves the branch, puts uncommitted changes aside and writes the trial's
params.yaml. Whatever ends it then leaves that behind. So the files are copied before, and put back where they must be.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from tasks.files import read_json, write_json
from tasks.params import FILE

PLACE = Path(".dvc/tmp/hone-study")
MANIFEST = "kept.json"
SECONDS = 120  # after which DVC has long done with the folder: what was changed later, the user has changed
# DVC says this of a stage, which it runs in a copy: from then on the folder is as it was.
AT_WORK = re.compile(r"^(Running stage|Stage) '")


def keep() -> None:
    """Copy params.yaml and every file that git knows and the user has changed."""
    place = own()
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    changed = [name for name in git("diff", "--name-only", "--no-renames", "-z", "HEAD").split("\0") if name]
    copies: dict[str, str] = {}
    for number, name in enumerate(dict.fromkeys([str(FILE), *changed])):
        if Path(name).is_file():
            shutil.copyfile(name, place / str(number))
            copies[name] = str(number)
    write_json(place / MANIFEST, {"at": time.time(), "head": branch(), "copies": copies})


def release() -> None:
    """Forget this process's copies: nobody changes the user's files any more."""
    shutil.rmtree(own(), ignore_errors=True)


def restore() -> list[str]:
    """Put back what this process, or one that is dead, has copied where DVC was ended too early, and forget the copies.

    Returns:
        What was not as it had been: names of files, and the branch.
    """
    mended: list[str] = []
    for manifest in sorted(PLACE.glob(f"*/{MANIFEST}")):
        place = manifest.parent
        if place == own() or not alive(int(place.name)):
            mended += put_back(place)
            shutil.rmtree(place)
    return mended


def put_back(place: Path) -> list[str]:
    """Put back the copies in one place; what was not as it had been."""
    kept, mended = read_json(place / MANIFEST), []
    for name, copy in kept["copies"].items():
        file, wanted = Path(name), (place / copy).read_bytes()
        if file.is_file() and (file.read_bytes() == wanted or file.stat().st_mtime > kept["at"] + SECONDS):
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(wanted)
        # What DVC wrote stands in git's index as well; a file that no commit has was there, or git would not have known it.
        git(*(["reset", "--quiet"] if git("ls-tree", "HEAD", "--", name) else ["add"]), "--", name)
        mended.append(name)
    head = kept["head"]
    if head.startswith("refs/") and branch() != head and git("rev-parse", "HEAD") == git("rev-parse", head):
        git("symbolic-ref", "HEAD", head)
        mended.append(f"the branch {head.removeprefix('refs/heads/')}")
    return mended


def own() -> Path:
    """Where this process has its copies."""
    return PLACE / str(os.getpid())


def branch() -> str:
    """The reference that HEAD stands for; the commit itself where it stands for none."""
    return git("rev-parse", "--symbolic-full-name", "HEAD").strip().replace("HEAD", "") or git("rev-parse", "HEAD").strip()


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout
