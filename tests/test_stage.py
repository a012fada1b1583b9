"""What every stage has: no network, unless something must be had from the Hub."""

from __future__ import annotations

import os
import subprocess
import sys

OFFLINE_ONCE = """
import datasets, huggingface_hub
from huggingface_hub import constants
from tasks.stage import may_download
assert constants.is_offline_mode() and datasets.config.HF_HUB_OFFLINE
may_download()
print(constants.is_offline_mode(), datasets.config.HF_HUB_OFFLINE)
"""
ASKED = """
from tasks.encode.model import pinned
from tasks.errors import Refused
try:
    pinned("nobody/nothing")
except Refused as refusal:
    print(refusal)
"""


def told(code: str) -> str:
    """What a process says that started as stages do, with the Hub's address leading nowhere."""
    nowhere = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=os.environ | nowhere).stdout


def test_a_library_that_was_imported_offline_may_download_afterwards():
    assert told(OFFLINE_ONCE) == "False False\n"


def test_a_name_of_the_hub_is_asked_for_there():
    said = told(ASKED)
    assert "the Hub did not answer" in said
    assert "Offline" not in said
