"""Whether DVC runs here, from the file in which it lists its processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hone.errors import Refused
from hone.pipeline import watch


@pytest.fixture
def users(workspace: Path) -> Path:
    watch.DVC_USERS.parent.mkdir(parents=True)
    return watch.DVC_USERS


def row(process: int) -> dict:
    return {"pid": process, "cmd": "dvc repro"}


def test_a_running_dvc_is_found_in_both_lists(users: Path):
    words = [sys.executable, "-c", "input()", "dvc", "repro"]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        for lists in (
            {"write": {"models/r1": row(process.pid)}, "read": {}},
            {"read": {"data": [row(process.pid), row(os.getpid())]}},
        ):
            users.write_text(json.dumps(lists))
            assert watch.running_dvc() == [process.pid]
            with pytest.raises(Refused, match=f"DVC runs in this folder: process {process.pid}"):
                watch.refuse_running_dvc()
        process.communicate(b"\n")
    assert watch.running_dvc() == []  # a killed process stays in the file
    watch.refuse_running_dvc()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"write": []}', '{"read": {"data": [1]}}'])
def test_a_file_of_another_form_names_no_process(users: Path, text: str):
    users.write_text(text)
    assert watch.running_dvc() == []
