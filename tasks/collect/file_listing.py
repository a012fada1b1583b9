"""The files of a document folder, in the order of their paths, and the reason for each that is not
read.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from hone.errors import printable

# The format of each supported file name ending.
FORMATS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".csv": "csv",
}
TABLES = ("queries", "qrels")  # files at the top with these names are not documents
TABLE_ENDINGS = (".parquet", ".csv", ".jsonl")


@dataclass
class Listing:
    """The files of a folder.

    Attributes:
        root: the folder.
        readable: paths relative to `root`, with "/" as the separator, in order.
        unread: the reason for each file or folder that is not read, by its relative path.
    """

    root: Path
    readable: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)


def list_files(root: Path, max_bytes: int) -> Listing:
    """All files below a folder. Links to folders are not followed.

    Args:
        root: the folder.
        max_bytes: the maximum size of a file.
    """
    found, real = Listing(root), root.resolve()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            found.unread[relative(root, folder)] = f"the folder cannot be opened: {reason(error)}"
            continue
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                waiting.append(path)
            elif not is_table(root, path):
                name = relative(root, path)
                if why := unread_reason(path, real, max_bytes):
                    found.unread[name] = why
                else:
                    found.readable.append(name)
    found.readable.sort()
    found.unread = dict(sorted(found.unread.items()))
    return found


def is_table(root: Path, path: Path) -> bool:
    """Whether a file is the queries or qrels file of the folder."""
    return path.parent == root and path.stem in TABLES and path.suffix in TABLE_ENDINGS


def relative(root: Path, path: Path) -> str:
    """A path relative to the folder, with "/" as the separator. Bytes of a name that are not UTF-8
    are escaped.
    """
    name = path.relative_to(root).as_posix()
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def unread_reason(path: Path, real: Path, max_bytes: int) -> str:
    """Why a file is not read. Empty if it is read.

    Args:
        path: the file.
        real: the folder without symbolic links.
        max_bytes: the maximum size.
    """
    if why := name_reason(path) or (link_reason(path, real) if path.is_symlink() else ""):
        return why
    if path.stem in TABLES and path.parent.resolve() == real:
        return f"its name is reserved for the {path.stem} ({', '.join(TABLE_ENDINGS)})"
    if path.suffix.lower() not in FORMATS:
        kind = printable(path.suffix, lines=False) or "without an ending"
        return f"the file type {kind} is not supported ({', '.join(FORMATS)})"
    try:
        return size_reason(path.stat(), max_bytes)
    except OSError as error:
        return f"it cannot be opened: {reason(error)}"


def name_reason(path: Path) -> str:
    """Why a file's name excludes it. Empty if it does not."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return "its path is not UTF-8"
    return "it is hidden (its name starts with a period)" if path.name.startswith(".") else ""


def size_reason(status: os.stat_result, max_bytes: int) -> str:
    """Why a file's kind or size excludes it. Empty if it does not."""
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    if status.st_size > max_bytes:
        return f"it has {status.st_size:,} bytes, more than `max_bytes` ({max_bytes:,})"
    return "" if status.st_size else "it is empty"


def link_reason(path: Path, real: Path) -> str:
    """Why a symbolic link is not read. Empty if it leads to a file in the folder."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # a missing target, or a loop
        return "it is a link without a target"
    if not target.is_relative_to(real):
        return "it is a link to a file outside the folder; copy the file into the folder"
    return "it is a link to a folder" if target.is_dir() else ""


def reason(error: OSError) -> str:
    """The system's message, without the path."""
    return error.strerror or type(error).__name__
