"""Files: where Hone keeps its memory, writing that is whole or absent, and fingerprints of contents."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BLOCK = 1 << 20
PART = ".part"


def home() -> Path:
    """The absolute folder of caches and memory: `HONE_HOME`, or the user's data folder.

    It lies outside the clone on purpose: `git clean` must not delete vectors that took hours or answers that cost money.
    """
    import platformdirs

    chosen = os.environ.get("HONE_HOME") or platformdirs.user_data_dir("hone")
    folder = Path(chosen).expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path`; put it in place of `path` when the block ends well, remove it otherwise.

    A reader sees the old file or the new one, never half of one, whenever the writer is killed or the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.{os.getpid()}.", suffix=PART, dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.chmod(part, 0o666 & ~_umask())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """Like `written_whole`, for a folder: what stood at `path` is replaced only when the block ends well."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    part = Path(tempfile.mkdtemp(prefix=f".{path.name}.{os.getpid()}.", suffix=PART, dir=path.parent))
    try:
        yield part
        os.chmod(part, 0o777 & ~_umask())
        if path.exists():
            shutil.rmtree(path)
        os.replace(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_abandoned(path: Path) -> None:
    """Remove what a writer of `path` left beside it when it was killed; what a living one is writing stays."""
    for part in path.parent.glob(f".{path.name}.*{PART}"):
        number = part.name.removeprefix(f".{path.name}.").partition(".")[0]
        if number.isdigit() and not alive(int(number)):
            shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)


def alive(process: int) -> bool:
    """Whether a process of this number runs on this machine; one that has ended and that nobody has asked about does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state not in "ZX"


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
    return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
