"""`dvc repro` and the flow if nothing has changed, in this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from benchmarks.clock import in_turns
from hone.errors import Refused

TIMES = 3


def main() -> None:
    commands = {
        "dvc repro": [sys.executable, "-m", "dvc", "repro"],
        "flow": [sys.executable, "-m", "flows.loop"],
    }
    with tempfile.TemporaryDirectory() as home:
        environment = {
            name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"
        } | {"PREFECT_HOME": home}

        def run(name: str) -> None:
            done = subprocess.run(
                commands[name], check=True, capture_output=True, text=True, env=environment
            )
            if "Running stage" in done.stdout + done.stderr:
                raise Refused(
                    "the loop is not up to date. Run `make loop` first, then this benchmark"
                )

        run("dvc repro")
        run("flow")  # creates Prefect's database, once
        best = in_turns(TIMES, **{name: (lambda name=name: run(name)) for name in commands})
    print(f"nothing to do, dvc repro: {best['dvc repro']:.1f} s (target: at most 2)")
    print(f"nothing to do, the flow without a server: {best['flow']:.1f} s (target: at most 10)")
