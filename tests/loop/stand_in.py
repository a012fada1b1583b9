"""A stand-in for a stage, run by DVC in its place: it writes what the stage writes, made of what
the stage reads, and can be held.

`python stand_in.py <the stage's own command>`; GRAPH names a JSON file with each command's `deps`
and `outs` (each out with the files inside it, or null for a file), HELD the command that stops in
the middle of its last file.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from hone.files import fingerprint, folder_written_whole, written_whole

HALF_WRITTEN = "half written"


def main(command: str) -> None:
    stage = json.loads(Path(os.environ["GRAPH"]).read_text())[command]
    read = [
        file
        for dep in stage["deps"]
        for file in sorted([Path(dep), *Path(dep).rglob("*.*")])
        if file.is_file()
    ]
    content = fingerprint(
        command, *(part for file in read for part in (str(file), file.read_bytes()))
    )
    for place, (out, inside) in enumerate(stage["outs"].items(), start=1):
        stops = place == len(stage["outs"]) and os.environ.get("HELD") == command
        if inside is None:
            with written_whole(Path(out)) as part:
                write(part, f"{out} {content}", stops)
        else:
            with folder_written_whole(Path(out)) as part:
                for name in inside:
                    (part / name).parent.mkdir(parents=True, exist_ok=True)
                    write(part / name, f"{out}/{name} {content}", stops and name == inside[-1])


def write(file: Path, content: str, stops: bool) -> None:
    with file.open("w") as opened:
        opened.write(content[:20])
        opened.flush()
        if stops:
            print(HALF_WRITTEN, flush=True)
            time.sleep(600)
        opened.write(content[20:])


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
