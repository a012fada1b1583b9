"""The user's files while DVC makes an experiment of them.

For some seconds DVC works in the folder itself: it leaves the branch, puts uncommitted changes aside and writes the trial's
params.yaml. Whatever ends it then leaves that behind. So the files are copied before, and put back where they must be; what
stands in their place is kept as well.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

from filelock import FileLock, Timeout

from hone.config.params import FILE
from hone.errors import Refused
from hone.files import read_json, write_json

PLACE = Path(".dvc/tmp/hone-study")
ASIDE = Path(".dvc/tmp/hone-study-aside")
MANIFEST = PLACE / "kept.json"
SECONDS = 120  # after which DVC has mostly done with the folder: what was changed later, the user may have changed
# DVC says this of a stage, which it runs in a copy: from then on the folder is as it was.
AT_WORK = re.compile(r"^(Running stage|Stage) '")

_held: list[FileLock] = []  # by this process, while its DVC may work in the folder: one study at a time


def keep() -> None:
    """Copy params.yaml and every file that git knows and the user has changed; waits while another study's DVC is in the folder."""
    lock = locked(-1)
    try:
        put_back()
        PLACE.mkdir(parents=True, exist_ok=True)
        changed = [name for name in git("diff", "--name-only", "--no-renames", "-z", "HEAD").split("\0") if name]
        copies: dict[str, str] = {}
        for number, name in enumerate(dict.fromkeys([str(FILE), *changed])):
            if Path(name).is_file():
                shutil.copyfile(name, PLACE / str(number))
                copies[name] = str(number)
        write_json(MANIFEST, {"at": time.time(), "head": head(), "copies": copies})
    except BaseException:
        lock.release()
        raise
    _held.append(lock)


def release() -> None:
    """Forget the copies that this process made: nobody changes the user's files any more."""
    if _held:
        shutil.rmtree(PLACE, ignore_errors=True)
        _held.pop().release()


def restore() -> list[str]:
    """Put back what was copied, by this process or by one that was killed, where DVC was ended too early; forget the copies.

    Returns:
        Sentences on what was done. None where all was as it had been, or where another study's DVC is at work in the folder.
    """
    if not _held:
        if not MANIFEST.exists():
            return []
        try:
            _held.append(locked(0))
        except Timeout:
            return []
    said = put_back()
    release()
    return said


def put_back() -> list[str]:
    """Bring files, index and branch to what was copied. Of a file that differs both contents are kept: the copy takes its place,
    or, where it was changed so late that the user may have done it, lies aside."""
    if not MANIFEST.exists():
        return []
    kept, aside = read_json(MANIFEST), ASIDE / time.strftime("%Y%m%d-%H%M%S")
    mended, left = [], []
    for name, copy in kept["copies"].items():
        file, other = Path(name), PLACE / copy
        if file.is_file() and file.read_bytes() == other.read_bytes():
            continue
        late = file.is_file() and file.stat().st_mtime > kept["at"] + SECONDS
        (aside / name).parent.mkdir(parents=True, exist_ok=True)
        if late:
            shutil.copyfile(other, aside / name)
        else:
            if file.is_file():
                shutil.copyfile(file, aside / name)
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(other, file)
        (left if late else mended).append(name)
    said = [*git_put_back(kept["head"], mended)]
    if mended:
        said.append(f"put back after DVC was ended in this folder: {', '.join(mended)}. What stood there is in {aside}.")
    if left:
        said.append(f"changed since DVC was ended in this folder, and left: {', '.join(left)}. As they were before is in {aside}.")
    shutil.rmtree(PLACE, ignore_errors=True)
    return said


def git_put_back(wanted: str, mended: list[str]) -> list[str]:
    """Bring git's branch and index to what they were, and say what was done and what git refused."""
    said, refused = [], []
    if wanted.startswith("refs/") and head() != wanted and tried("rev-parse", "HEAD") == tried("rev-parse", wanted):
        done = tried("symbolic-ref", "HEAD", wanted) is not None
        (said if done else refused).append(f"back on the branch {wanted.removeprefix('refs/heads/')}")
    for name in mended:
        # What DVC wrote stands in git's index as well; a file that no commit has was there, or git would not have known it.
        words = ["reset", "--quiet"] if tried("ls-tree", "HEAD", "--", name) else ["add"]
        if tried(*words, "--", name) is None:
            refused.append(f"git {' '.join([*words, '--', name])}")
    if refused:
        said.append(f"git refused: {'; '.join(refused)}. If no git runs here, remove .git/index.lock, and do that.")
    return said


def head() -> str:
    """The reference that HEAD stands for; the commit itself where it stands for none."""
    return tried("symbolic-ref", "--quiet", "HEAD") or git("rev-parse", "HEAD").strip()


def locked(seconds: float) -> FileLock:
    """The folder's lock; waits so long for it, or for ever (-1).

    Raises:
        Timeout: another process has it.
    """
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(PLACE.with_suffix(".lock").absolute())
    lock.acquire(timeout=seconds)
    return lock


def git(*words: str) -> str:
    """What git says.

    Raises:
        Refused: this is no git repository.
    """
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"`git {words[0]}` failed here, and DVC's experiments need git: {done.stderr.strip()}")
    return done.stdout


def tried(*words: str) -> str | None:
    """What git says; null where it refuses."""
    done = subprocess.run(["git", *words], check=False, capture_output=True, text=True)
    return None if done.returncode else done.stdout.strip()
