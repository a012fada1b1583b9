"""DVC's own files, when a kill in the middle of writing one left half of it: DVC would refuse to work until somebody mends it.

DVC writes two files in place. `.dvc/tmp/rwlock` says who works on what; it means nothing once its writer is dead. `dvc.lock` says what
each stage last did; stages that are lost from it are restored from DVC's run cache, so what is whole is kept and nothing runs twice.
`make loop` and the flow mend before they start; `python -m hone.pipeline.repair` does nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from hone.files import write_text
from hone.stage import run, say

AT_WORK = Path(".dvc/tmp/lock")
USERS = Path(".dvc/tmp/rwlock")
RECORD = Path("dvc.lock")

STAGE = re.compile(r"^  (?=\S)", re.MULTILINE)
CONFLICT = re.compile(r"^(<{7}|={7}|>{7})", re.MULTILINE)


def main() -> None:
    """Mend what is broken, unless DVC is at work: then it may be writing just now."""
    if not list(broken()):
        return
    from dvc.lock import Lock, LockError

    try:
        with Lock(AT_WORK):
            for file in broken():
                mend(file)
    except LockError:
        say("DVC is at work here; its files are left alone")


def broken() -> Iterator[Path]:
    """Those of DVC's files that it cannot read."""
    if USERS.exists() and not is_json(USERS.read_text(encoding="utf-8")):
        yield USERS
    if RECORD.exists():
        text = RECORD.read_text(encoding="utf-8")
        if not is_record(text) and not CONFLICT.search(text):  # a merge that conflicts is the user's to resolve
            yield RECORD


def mend(file: Path) -> None:
    if file == USERS:
        file.unlink()
        say(f"{file} was left half written by a process that was killed; it is removed")
        return
    kept = whole_stages(file.read_text(encoding="utf-8"))
    if kept:
        write_text(file, kept)
    else:
        file.unlink()
    count = len(STAGE.findall(kept))
    say(f"{file} was left half written by a process that was killed; {count} stages of it are whole, the others come from DVC's cache")


def whole_stages(text: str) -> str:
    """The longest beginning of a record's text that ends with a whole stage; empty where there is none."""
    for start in reversed([match.start() for match in STAGE.finditer(text)]):
        if is_record(text[:start]):
            return text[:start]
    return ""


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def is_record(text: str) -> bool:
    """Whether DVC takes the text for a lock file of its own."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(parse_yaml(text, RECORD))
    except (YAMLFileCorruptedError, Invalid):
        return False
    return True


if __name__ == "__main__":
    run(main)
