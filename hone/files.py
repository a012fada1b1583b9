"""Files: where Hone keeps its memory, writing that is whole or absent, and fingerprints of contents."""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hone.errors import Refused
from hone.processes import lives, owner

BLOCK = 1 << 20
PART, OLD = ".part", ".old"
# A name is at most 255 bytes on usual file systems; what stands beside a file adds a process, a random part and an ending.
LONGEST_NAME = 180
UNTOUCHED = 3600.0  # seconds after which a part that no process here writes, and nobody has locked, is abandoned
# No space left on the device, quota exceeded, a file larger than the process or the file system allows.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_IN_WORDS = re.compile(
    rf"os error (?:{'|'.join(map(str, FULL))})\b|errno (?:{'|'.join(map(str, FULL))})\b|no space left on device|disk quota exceeded"
    r"|database or disk is full",
    re.IGNORECASE,
)
# Reading the mask sets it for a moment, in all threads: it is read once, when the module is imported.
UMASK = os.umask(0o022)
os.umask(UMASK)


def home() -> Path:
    """The absolute folder of caches and memory: `HONE_HOME`, or the user's data folder.

    It lies outside the clone on purpose: `git clean` must not delete vectors that took hours or answers that cost money.
    """
    import platformdirs

    chosen = os.environ.get("HONE_HOME") or platformdirs.user_data_dir("hone")
    folder = Path(chosen).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if refusal := describe_full_disk(error):
            raise Refused(refusal) from error
        raise Refused(
            f"HONE_HOME, the folder of vectors and judgments, cannot be made at {folder} ({error.strerror}). "
            "Set HONE_HOME to a folder that you can write to."
        ) from error
    return folder


@contextmanager
def written_whole(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Give a temporary file beside `path`; put it in place of `path` when the block ends well, remove it otherwise.

    A reader sees the old file or the new one, never half of one, whenever the writer is killed, the disk is full or the power fails.
    `mode`: who may read and write it, less the user's mask.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{part_prefix(path)}{part_owner()}.", suffix=PART, dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        with being_written(part) as now:
            remove_abandoned(path, now)
            yield part
        _fsync(part)
        os.chmod(part, mode & ~UMASK)
        os.replace(part, path)
        _fsync(path.parent)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """Like `written_whole`, for a folder: what is at `path` is replaced only when the block ends well.

    Linux exchanges the two folders in one step. Elsewhere the old folder is renamed first, and a writer that was killed between
    the two steps leaves it under another name: the next writer of `path` puts it back.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _restore_old(path)
    part = Path(tempfile.mkdtemp(prefix=f"{part_prefix(path)}{part_owner()}.", suffix=PART, dir=path.parent))
    try:
        with being_written(part) as now:
            remove_abandoned(path, now)
            yield part
        os.chmod(part, 0o777 & ~UMASK)
        for folder, _, files in os.walk(part):
            for file in files:
                _fsync(Path(folder, file))
            _fsync(Path(folder))
        if not path.exists():
            os.replace(part, path)
        elif not _exchanged(part, path):
            old = part.with_suffix(OLD)
            path.rename(old)
            part.rename(path)
            shutil.rmtree(old)
        _fsync(path.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def part_prefix(path: Path) -> str:
    """How the names of the temporary files beside `path` begin, before the number of the process that writes."""
    name = path.name
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f"{name[:40]}-{fingerprint(name)[:16]}"
    return f".{name}."


def _restore_old(path: Path) -> None:
    """Put back the folder that a writer of `path` had renamed when it was killed."""
    if not path.exists():
        for old in sorted(path.parent.glob(f"{glob.escape(part_prefix(path))}*{OLD}")):
            with suppress(OSError):  # another writer may have done it
                old.rename(path)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system or the file system cannot."""
    if sys.platform != "linux":
        return False
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        return False
    at_current_folder, exchange = -100, 2
    return library.renameat2(at_current_folder, os.fsencode(one), at_current_folder, os.fsencode(other), exchange) == 0


def _fsync(path: Path) -> None:
    """Have a file's or folder's contents on the disk before anything is built on them; a folder that cannot be synced is left."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(handle)


def describe_full_disk(error: BaseException) -> str | None:
    """A sentence on what to do if `error` means that the disk is full or a quota reached; None if it means something else.

    Parquet's, safetensors' and SQLite's writers do not raise OSError, so the text of their errors is read too, down to the cause.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in FULL:
            break
        if not isinstance(seen, Refused) and FULL_IN_WORDS.search(str(seen)):
            break
        seen = seen.__cause__ or seen.__context__
    if seen is None:
        return None
    words = " ".join(str(seen).split())[:200]
    return (
        f"the disk is full ({words}). Nothing that was finished is lost: free some space (`hone store` shows what the vectors take) "
        "and run the same command again."
    )


def remove_abandoned(path: Path, now: float | None = None) -> None:
    """Remove what a writer of `path` left beside it when it was killed; the file of a writer that may be alive stays.

    Args:
        path: what is being written.
        now: the time by the clock of the file system, which may be another machine's; null: by this machine's.
    """
    prefix = part_prefix(path)
    for part in path.parent.glob(f"{glob.escape(prefix)}*{PART}"):
        with suppress(FileNotFoundError):  # its writer has just ended, or another has removed it
            if abandoned(part, prefix, time.time() if now is None else now):
                shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)


def abandoned(part: Path, prefix: str, now: float) -> bool:
    """Whether nobody writes a temporary file or folder any more.

    A process of this machine and container is looked up. Another machine or container that shares the folder has process numbers of
    its own: its file is abandoned when no lock is on it and nothing in it has changed for an hour.
    """
    name = part.name.removeprefix(prefix).partition(".")[0].replace("-", ":")
    life = lives(name)
    if life is not None:
        return not life
    return not _locked(part) and now - _changed(part) > UNTOUCHED


def part_owner() -> str:
    """This process in the name of a temporary file."""
    return owner().replace(":", "-")


@contextmanager
def being_written(part: Path) -> Iterator[float]:
    """Hold a lock on a temporary file or folder, where the file system has locks; gives the time by that file system's clock."""
    handle = os.open(part, os.O_RDONLY if part.is_dir() else os.O_RDWR)
    try:
        with suppress(OSError, ImportError):
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield os.fstat(handle).st_mtime
    finally:
        os.close(handle)


def _locked(part: Path) -> bool:
    try:
        handle = os.open(part, os.O_RDONLY)
    except PermissionError:  # another user's
        return True
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, ImportError):  # no locks here
        return False
    finally:
        os.close(handle)
    return False


def _changed(part: Path) -> float:
    """When a file, or anything in a folder, was last changed."""
    places = [part, *part.rglob("*")] if part.is_dir() else [part]
    newest = 0.0
    for place in places:
        with suppress(FileNotFoundError):
            newest = max(newest, place.lstat().st_mtime)
    return newest


def write_text(path: Path, text: str) -> None:
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def fingerprint(*parts: bytes | str) -> str:
    """A hexadecimal SHA-256 of the parts; each is preceded by its length, so that ("ab", "c") differs from ("a", "bc")."""
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        total.update(len(raw).to_bytes(8, "little"))
        total.update(raw)
    return total.hexdigest()


def fingerprint_of_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal: the figure that `sha256sum` prints."""
    total = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(BLOCK):
            total.update(block)
    return total.hexdigest()


def size_of(folder: Path) -> int:
    """Bytes of all files below `folder`."""
    total = 0
    for file in Path(folder).rglob("*"):
        with suppress(FileNotFoundError):  # a writer has put it in its place, or deleted it, meanwhile
            total += file.stat().st_size if file.is_file() else 0
    return total
