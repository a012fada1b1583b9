"""The server of a model on this machine: it answers by OpenAI's protocol and ends with whoever started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.errors import Refused
from tasks.files import alive
from tasks.relabel import gguf
from tasks.relabel.budget import Budget
from tasks.relabel.client import Call, Endpoint, Reply, ask_all
from tasks.relabel.server import serving

PROJECT = Path(__file__).parent.parent.parent
HOLDER = """
import sys, time
from tasks.relabel import gguf
from tasks.relabel.server import serving
with serving(gguf.file_of("smollm2-135m"), context=256) as running:
    print(running.url, flush=True)
    time.sleep(600)
"""


def test_a_model_answers_through_the_ordinary_client():
    got: list[Reply] = []
    call = Call(1, ({"role": "user", "content": "Say yes or no: is water wet?"},), 1, options={"logprobs": True, "top_logprobs": 5})
    with serving(gguf.file_of("smollm2-135m"), context=256, name="a small model") as running:
        ask_all(Endpoint(url=running.url, model="smollm2-135m", slots=1), [call], Budget(), got.append)
    (reply,) = got
    assert reply.fault is None
    assert reply.model == "a small model"  # and not the path of its file, which would come into the ledger and the report
    assert len(reply.tops) == 5
    assert reply.tokens_in > 5
    assert reply.tokens_out == 1


def test_a_file_that_is_no_model_is_refused(tmp_path: Path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF but nothing else")
    with pytest.raises(Refused, match=r"broken.gguf cannot be served"), serving(broken):
        pass


def test_a_port_that_somebody_has_is_named():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Refused, match=f"port {port} cannot be used"), serving(gguf.file_of("smollm2-135m"), port=port):
            pass


def test_a_killed_owner_leaves_no_server(tmp_path: Path):
    owner = subprocess.Popen([sys.executable, "-c", HOLDER], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert owner.stdout.readline().startswith("http://127.0.0.1:")
    (server,) = children(owner.pid)
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    for _ in range(600):
        if not alive(server):
            return
        time.sleep(0.1)
    os.kill(server, signal.SIGKILL)
    pytest.fail("the server outlived its owner")


def children(process: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=True)
    return [int(number) for number in found.stdout.split()]
