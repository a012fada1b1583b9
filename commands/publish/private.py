"""Texts that must not leave this machine: its paths, tokens and keys."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hone import hub
from hone.config import params
from hone.errors import Refused
from hone.files import BLOCK, home

SHORTEST_PATH = 6  # characters; a shorter path, such as /srv, occurs in many texts
SHORTEST_SECRET = 8  # characters
KEYS = ("TOKEN", "KEY", "SECRET", "PASSWORD")  # in names of environment variables with secrets


def refuse_private(files: dict[str, Path]) -> None:
    """Raise Refused if a file contains a path of this machine or a secret of the environment.

    Args:
        files: the files by their paths in the repository.
    """
    wanted = {text.encode(): what for text, what in private_texts()}
    for path, file in files.items():
        if found := search(file, wanted):
            what, number = found
            raise Refused(
                f"{path} contains {what} (byte {number:,}), which must not leave this machine. "
                "Nothing was uploaded. Remove it from the source of the file: a model's "
                "configuration, a recipe, or a text of the collection."
            )


def private_texts() -> Iterator[tuple[str, str]]:
    """Each text that must not leave, and what it is. The description does not repeat a secret."""
    folders = {
        "the path of this project": Path.cwd(),
        "the path of HONE_HOME": home(),
        "the path of your home folder": Path.home(),
    }
    for what, folder in folders.items():
        forms = (str(folder), str(folder.resolve()), folder.as_posix())
        for text in dict.fromkeys((*forms, *map(escaped, forms))):
            if len(text) >= SHORTEST_PATH:
                yield text, what
    named = {hub.TOKEN, *key_variables()}
    for name, value in os.environ.items():
        secret = name in named or any(word in name.upper().split("_") for word in KEYS)
        if secret and len(value) >= SHORTEST_SECRET:
            for text in dict.fromkeys((value, escaped(value))):
                yield text, f"the value of {name}"


def escaped(text: str) -> str:
    """A text as JSON writes it inside quotes."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def key_variables() -> set[str]:
    """The environment variables that params.yaml names as `key`."""
    if not params.FILE.exists():
        return set()
    return set(keys_in(params.read().model_dump(mode="json")))


def keys_in(given: Any) -> Iterator[str]:
    """Every text with the name `key` in settings."""
    if isinstance(given, dict):
        for name, value in given.items():
            if name == "key" and isinstance(value, str):
                yield value
            else:
                yield from keys_in(value)
    elif isinstance(given, list):
        for value in given:
            yield from keys_in(value)


def search(file: Path, wanted: dict[bytes, str]) -> tuple[str, int] | None:
    """The first of some texts in a file, and its place. Null if there is none.

    Blocks overlap by the longest text, so a text across two blocks is found.
    """
    overlap = max(map(len, wanted), default=1) - 1
    with file.open("rb") as opened:
        before, start = b"", 0
        while block := opened.read(BLOCK):
            joined = before + block
            for text, what in wanted.items():
                if (place := joined.find(text)) >= 0:
                    return what, start + place
            before = joined[-overlap:] if overlap else b""
            start += len(joined) - len(before)
    return None
