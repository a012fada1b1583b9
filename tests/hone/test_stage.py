"""What every stage has: no network, unless something must be had from the Hub."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import PROJECT

# What a person, DVC or Prefect starts; `server` is started by one of these, with its variables.
PROGRAMS = sorted(
    str(file.relative_to(PROJECT))
    for folder in ("tasks", "hone", "commands", "flows")
    for file in (PROJECT / folder).rglob("*.py")
    if '__name__ == "__main__"' in file.read_text(encoding="utf-8")
    and file.name != "llama_server.py"
)
OFFLINE_ONCE = """
import datasets, huggingface_hub
from huggingface_hub import constants
from hone.stage import may_download
assert constants.is_offline_mode() and datasets.config.HF_HUB_OFFLINE
may_download()
print(constants.is_offline_mode(), datasets.config.HF_HUB_OFFLINE)
"""
NAME_OF_THE_HUB = """
from hone.encoders.model_folder import pinned
from hone.errors import Refused
try:
    pinned("nobody/nothing")
except Refused as refusal:
    print(refusal)
"""


def run_python(code: str) -> str:
    """What a process says that started as stages do, with the Hub's address leading nowhere."""
    nowhere = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | nowhere,
    ).stdout


def test_a_library_that_was_imported_offline_may_download_afterwards():
    assert run_python(OFFLINE_ONCE) == "False False\n"


def test_a_name_of_the_hub_is_looked_up_there():
    output = run_python(NAME_OF_THE_HUB)
    assert "the Hugging Face Hub did not answer" in output
    assert "Offline" not in output


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_switches_telemetry_off_itself(program: str):
    """Not only the Makefile, for nobody has to start one with `make`."""
    text = (PROJECT / program).read_text(encoding="utf-8")
    assert "    run(main)\n" in text or "SWITCHES" in text


def test_a_program_that_is_started_without_make_sends_nothing():
    names = (
        "DO_NOT_TRACK",
        "PREFECT_SERVER_ANALYTICS_ENABLED",
        "MLFLOW_DISABLE_TELEMETRY",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION",
    )
    code = (
        f"import os; from hone.stage import run; run(lambda: print(*map(os.environ.get, {names})))"
    )
    without = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=without,
        cwd=PROJECT,
    )
    assert done.stdout == "1 false true false\n"
