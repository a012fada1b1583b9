"""Python imports this first: at its end each process of the loop leaves a note of the modules that
it has used.

None waits for the disk: what a test writes need not survive a power cut.
"""

import atexit
import json
import os
import sys
from pathlib import Path


def note() -> None:
    folder = os.environ.get("WITNESS")
    used = sorted(name for name in sys.modules if name.startswith(("tasks.", "hone.")))
    if folder and used:
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{os.getpid()}.json").write_text(
            json.dumps({"arguments": sys.orig_argv, "modules": used})
        )


atexit.register(note)
os.fsync = lambda handle: None
if (
    "FORKS" in os.environ
):  # a command that starts DVC puts its own Python's folder first on the stages' PATH
    sys.executable = f"{os.environ['FORKS']}/python"
