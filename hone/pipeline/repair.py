"""Repair DVC's own files after a kill left one half written, which blocks DVC.

DVC writes two files in place. `.dvc/tmp/rwlock` lists the running processes and is void once its
writer has ended. `dvc.lock` records the last result of each stage. Complete stages in it are kept,
and lost ones are restored from DVC's run cache, so nothing runs twice. `hone run` and the flow
repair before they start. `python -m hone.pipeline.repair` only repairs.
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
    """Repair broken files, unless DVC is running and may be writing them."""
    if not list(broken()):
        return
    from dvc.lock import Lock, LockError

    try:
        with Lock(AT_WORK):
            for file in broken():
                mend(file)
    except LockError:
        say("repair: skipped, because DVC is running here")


def broken() -> Iterator[Path]:
    """DVC's files that it cannot read."""
    if USERS.exists() and not is_json(USERS.read_text(encoding="utf-8")):
        yield USERS
    if RECORD.exists():
        text = RECORD.read_text(encoding="utf-8")
        if not is_record(text) and not CONFLICT.search(
            text
        ):  # a merge conflict is the user's to resolve
            yield RECORD


def mend(file: Path) -> None:
    if file == USERS:
        file.unlink()
        say(f"repair: {file} was left half written by a killed process and is removed")
        return
    complete = whole_stages(file.read_text(encoding="utf-8"))
    if complete:
        write_text(file, complete)
    else:
        file.unlink()
    count = len(STAGE.findall(complete))
    say(
        f"repair: {file} was left half written by a killed process; {count} complete stages are "
        "kept, the others come from DVC's cache"
    )


def whole_stages(text: str) -> str:
    """The longest prefix of a lock file's text that ends with a complete stage. Empty if there
    is none.
    """
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
    """Whether the text is a valid DVC lock file."""
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
