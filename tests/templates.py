"""Folders that are made once in a process and copied for each test that needs one."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from hone.files import fingerprint_of_file

LARGE = 1_000_000  # bytes
PLACE = "HONE_TEST_TEMPLATES"


@cache
def root() -> Path:
    """Where this process keeps its templates: in pytest's folder (conftest.py names it),
    elsewhere until the process ends.
    """
    if PLACE in os.environ:
        return Path(tempfile.mkdtemp(dir=os.environ[PLACE]))
    folder = Path(tempfile.mkdtemp(prefix="hone-templates-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def template(make: Callable[[Path], object], *key: object) -> Path:
    """The folder that `make` fills, made on the first call with this key; nobody may write to it.

    Args:
        make: fills the path that it is given, which does not exist yet.
        key: all that the contents depend on, as values whose `repr` is their content.
    """
    folder = root() / hashlib.sha256(repr(key).encode()).hexdigest()[:32]
    if not folder.exists():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        make(part)
        part.rename(folder)
    return folder


def shared_or_copied(source: str, target: str) -> None:
    """Copy a file into a template; large ones with the same content are one file on the disk."""
    file = Path(source)
    if file.stat().st_size < LARGE:
        shutil.copy2(file, target)
        return
    shared = root() / "large" / fingerprint_of_file(file)
    if not shared.exists():
        shared.parent.mkdir(exist_ok=True)
        shutil.copy2(file, shared)
    os.link(shared, target)


def linked_or_copied(source: str, target: str) -> None:
    """Copy a template's file for a test; a large file, such as a model's weights, becomes a hard
    link.

    Hone replaces files and never writes into them. A test that writes into a large file is found by
    `intact`.
    """
    if Path(source).stat().st_size >= LARGE:
        Path(target).unlink(missing_ok=True)
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def intact() -> bool:
    """Whether all large files of this process's templates still have their first content."""
    return all(fingerprint_of_file(file) == file.name for file in (root() / "large").glob("*"))


def copied(target: Path, make: Callable[[Path], object], *key: object) -> Path:
    """A copy of a template at `target`, for one test alone. Returns `target`."""
    shutil.copytree(template(make, *key), target, symlinks=True)
    return target
