"""The server of a model on this machine: it answers by OpenAI's protocol and ends with whoever
started it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hone.errors import Refused
from hone.llm import gguf
from hone.llm.budget import Budget
from hone.llm.client import complete
from hone.llm.completion import Endpoint, Request
from hone.llm.llama_server import Running, serving
from hone.processes import alive
from tests.conftest import PROJECT

HOLDER = """
import sys, time
from hone.llm import gguf
from hone.llm.llama_server import serving
with serving(gguf.file_of("smollm2-135m"), context=256) as running:
    print(running.url, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serving(gguf.file_of("smollm2-135m"), context=256, name="a small model") as found:
        yield found


@pytest.fixture
def variable(running: Running, monkeypatch: pytest.MonkeyPatch) -> str:
    """The variable that holds the server's key."""
    monkeypatch.setenv("KEY_OF_THIS_TEST", running.key)
    return "KEY_OF_THIS_TEST"


def test_a_model_answers_through_the_ordinary_client(running: Running, variable: str):
    call = Request(
        1,
        ({"role": "user", "content": "Say yes or no: is water wet?"},),
        1,
        options={"logprobs": True, "top_logprobs": 5},
    )
    ((reply,),) = complete(
        Endpoint(url=running.url, model="smollm2-135m", key=variable, slots=1), [call], Budget()
    )
    assert reply.fault is None
    assert (
        reply.model == "a small model"
    )  # and not the path of its file, which would come into the ledger and the report
    assert len(reply.tops) == 5
    assert reply.tokens_in > 5
    assert reply.tokens_out == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Host": "evil.example"},
        {"Content-Type": "text/plain"},
        {"Authorization": "Bearer guessed"},
    ],
    ids=["no key", "a page", "a host name that leads here", "a form", "another key"],
)
def test_whoever_has_no_key_gets_no_answer(running: Running, headers: dict[str, str]):
    prompt = json.dumps(
        {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "hello"}]}
    )
    base = running.url.removesuffix("/v1")
    answers = [
        httpx.post(
            f"{running.url}/chat/completions", content=prompt, headers=headers, trust_env=False
        )
    ]
    answers += [
        httpx.get(f"{base}{path}", headers=headers, trust_env=False)
        for path in ("/v1/models", "/props", "/slots", "/metrics")
    ]
    assert [answer.status_code for answer in answers] == [401] * 5


def test_no_page_may_read_an_answer_even_with_the_key(running: Running):
    headers = {"Authorization": f"Bearer {running.key}", "Origin": "https://evil.example"}
    answer = httpx.get(f"{running.url}/models", headers=headers, trust_env=False)
    assert answer.status_code == 200
    assert answer.headers.get("access-control-allow-origin", "") == ""
    assert answer.headers.get("access-control-allow-credentials", "false") == "false"
    before = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert (
        httpx.options(f"{running.url}/chat/completions", headers=before, trust_env=False).headers[
            "access-control-allow-origin"
        ]
        == ""
    )


def test_slots_are_not_shown_to_anybody_and_there_is_no_page(running: Running):
    base, headers = running.url.removesuffix("/v1"), {"Authorization": f"Bearer {running.key}"}
    assert httpx.get(f"{base}/slots", headers=headers, trust_env=False).status_code == 501
    assert httpx.get(base, headers=headers, trust_env=False).status_code == 404


def test_the_key_stands_in_no_list_of_processes(running: Running):
    listed = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(running.process.pid)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "hone.llm.llama_server" in listed
    assert running.key not in listed
    assert running.key not in repr(running)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF but nothing else")
    with pytest.raises(Refused, match=r"cannot serve the model broken.gguf"), serving(broken):
        pass


def test_a_port_that_somebody_has_is_named():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(Refused, match=f"port {port} cannot be used"),
            serving(gguf.file_of("smollm2-135m"), port=port),
        ):
            pass


def test_a_killed_owner_leaves_no_server(tmp_path: Path):
    owner = subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
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
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=True
    )
    return [int(number) for number in found.stdout.split()]
