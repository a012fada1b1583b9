"""Files: the cache folder, atomic writes and content hashes."""

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
# A name has at most 255 bytes on usual file systems. Temporary names add a process, a random part
# and an ending.
LONGEST_NAME = 180
# seconds; after this, an unlocked temporary file without a local writer counts as abandoned
UNTOUCHED = 3600.0
# No space left on the device, quota exceeded, or a file above the limit of the process or file
# system.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_IN_WORDS = re.compile(
    rf"os error (?:{'|'.join(map(str, FULL))})\b|errno (?:{'|'.join(map(str, FULL))})\b|no space "
    r"left on device|disk quota exceeded"
    r"|database or disk is full",
    re.IGNORECASE,
)
# Reading the mask changes it for a moment in all threads, so it is read once at import.
UMASK = os.umask(0o022)
os.umask(UMASK)


def home() -> Path:
    """The absolute folder of the caches: `HONE_HOME`, or the user's data folder.

    It is outside the clone on purpose: `git clean` must not delete vectors that took hours or
    judgments that cost money.
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
            f"HONE_HOME (the folder of embeddings and judgments) cannot be created at {folder} "
            f"({error.strerror}). Set HONE_HOME "
            "to a writable folder."
        ) from error
    return folder


@contextmanager
def written_whole(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Yield a temporary file beside `path`. It replaces `path` if the block succeeds and is removed
    otherwise.

    Readers see the old file or the new file, never a partial one. This holds even if the writer is
    killed, the disk is full or the power fails. `mode` sets the permissions, reduced by the user's
    mask.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f"{part_prefix(path)}{part_owner()}.", suffix=PART, dir=path.parent
    )
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
    """Like `written_whole`, for a folder: `path` is replaced only if the block succeeds.

    Linux exchanges the two folders in one step. On other systems the old folder is renamed first.
    If the writer is killed between the two steps, the next writer of `path` restores the old
    folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _restore_old(path)
    part = Path(
        tempfile.mkdtemp(prefix=f"{part_prefix(path)}{part_owner()}.", suffix=PART, dir=path.parent)
    )
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
    """The prefix of the temporary files beside `path`. The number of the writing process follows
    it.
    """
    name = path.name
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f"{name[:40]}-{fingerprint(name)[:16]}"
    return f".{name}."


def _restore_old(path: Path) -> None:
    """Restore the folder that a killed writer of `path` had renamed."""
    if not path.exists():
        for old in sorted(path.parent.glob(f"{glob.escape(part_prefix(path))}*{OLD}")):
            with suppress(OSError):  # another writer may have restored it
                old.rename(path)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two folders in one step. False if the system or the file system does not support
    it.
    """
    if sys.platform != "linux":
        return False
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        return False
    at_current_folder, exchange = -100, 2
    return (
        library.renameat2(
            at_current_folder, os.fsencode(one), at_current_folder, os.fsencode(other), exchange
        )
        == 0
    )


def _fsync(path: Path) -> None:
    """Flush a file's or folder's contents to the disk. A folder that cannot be synced is
    skipped.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(handle)


def describe_full_disk(error: BaseException) -> str | None:
    """A sentence with the fix if `error` means that the disk is full or a quota is reached. None
    otherwise.

    The writers of Parquet, safetensors and SQLite do not raise OSError. The error texts and their
    causes are therefore searched too.
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
        f"the disk is full ({words}). No finished work is lost. Free some space (`hone cache` "
        "shows the size of the embedding "
        "cache) and run the same command again."
    )


def remove_abandoned(path: Path, now: float | None = None) -> None:
    """Remove the temporary files that killed writers of `path` left. Files of writers that may
    still run stay.

    Args:
        path: the file being written.
        now: the time by the clock of the file system, which may belong to another machine. Null:
            this machine's time.
    """
    prefix = part_prefix(path)
    for part in path.parent.glob(f"{glob.escape(prefix)}*{PART}"):
        with suppress(
            FileNotFoundError
        ):  # its writer has just ended, or another process has removed it
            if abandoned(part, prefix, time.time() if now is None else now):
                shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)


def abandoned(part: Path, prefix: str, now: float) -> bool:
    """Whether no process writes a temporary file or folder any more.

    Hone looks up the process if it belongs to this machine and container. Other machines and
    containers that share the folder number their processes separately. Their files count as
    abandoned if they are unlocked and unchanged for an hour.
    """
    name = part.name.removeprefix(prefix).partition(".")[0].replace("-", ":")
    life = lives(name)
    if life is not None:
        return not life
    return not _locked(part) and now - _changed(part) > UNTOUCHED


def part_owner() -> str:
    """This process, as part of the name of a temporary file."""
    return owner().replace(":", "-")


@contextmanager
def being_written(part: Path) -> Iterator[float]:
    """Lock a temporary file or folder if the file system has locks. Yields the time by that file
    system's clock.
    """
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
    except PermissionError:  # owned by another user
        return True
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, ImportError):  # the file system has no locks
        return False
    finally:
        os.close(handle)
    return False


def _changed(part: Path) -> float:
    """The last modification time of a file, or of anything in a folder."""
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
    """The hexadecimal SHA-256 of the parts. Each part is preceded by its length, so ("ab", "c")
    differs from ("a", "bc").
    """
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        total.update(len(raw).to_bytes(8, "little"))
        total.update(raw)
    return total.hexdigest()


def fingerprint_of_file(path: Path) -> str:
    """The hexadecimal SHA-256 of a file's bytes, as `sha256sum` prints it."""
    total = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(BLOCK):
            total.update(block)
    return total.hexdigest()


def size_of(folder: Path) -> int:
    """Total size in bytes of all files below `folder`."""
    total = 0
    for file in Path(folder).rglob("*"):
        with suppress(FileNotFoundError):  # a writer has moved or deleted it meanwhile
            total += file.stat().st_size if file.is_file() else 0
    return total
