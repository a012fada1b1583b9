"""`hone judge serve`: the real command in a process of its own, asked as anybody would ask it,
and ended.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from hone.config import methods
from hone.files import home
from hone.judging import fingerprint
from hone.llm import gguf
from hone.processes import alive
from tests.conftest import PROJECT
from tests.hone.llm.answering import desk, questions
from tests.hone.llm.test_llama_server import children

COMMAND = [sys.executable, "-m", "commands", "judge", "serve", "--context", "512"]


@pytest.fixture
def served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[subprocess.Popen, dict]]:
    """A server of a file of one's own, and the lines that it says belong into params.yaml; the
    key is set as it says.
    """
    own = tmp_path / "a folder" / "mine.gguf"
    own.parent.mkdir()
    own.symlink_to(gguf.file_of("smollm2-135m"))
    command = subprocess.Popen(
        [*COMMAND, "--model", str(own), "--port", str(free_port())],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = []
    while not lines or "endpoint" not in lines[-1]:
        lines.append(command.stdout.readline())
        assert lines[-1], "it ended before it said how to ask it"
    judges = yaml.safe_load("".join(lines[2:]))["judges"]
    while not lines[-1].startswith("export "):
        lines.append(command.stdout.readline())
        assert lines[-1], "it ended before it said its key"
    name, _, key = lines[-1].removeprefix("export ").strip().partition("=")
    assert name == judges["strong"]["endpoint"]["key"]
    assert len(key) > 40
    monkeypatch.setenv(name, key)
    yield command, judges
    if command.poll() is None:
        command.kill()
    command.wait()
    command.stdout.close()
    command.stderr.close()


def test_the_lines_that_it_prints_make_a_judge_whose_answers_name_no_path(
    served: tuple[subprocess.Popen, dict], tmp_path: Path
):
    line = methods.checked("relabel.judges", served[1]["strong"], "test")
    pair_questions = questions(("q1", "a"), ("q1", "b"))
    judge = methods.find("relabel.judges", "endpoint")
    verdicts = judge(
        line["parameters"],
        questions=pair_questions,
        desk=desk(),
        fingerprint=fingerprint.fingerprint(line),
    )
    assert verdicts["probability"].is_between(0, 1).all()
    assert set(verdicts["model"]) == {line["parameters"]["model"]}
    assert re.fullmatch(r"mine\.gguf [0-9a-f]{12}", verdicts["model"][0])
    stored = b"".join(file.read_bytes() for file in home().glob("judgments.db*"))
    assert b"a folder" not in stored
    assert str(tmp_path).encode() not in stored


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_nothing_listens_afterwards(
    served: tuple[subprocess.Popen, dict], how: signal.Signals
):
    command, judges = served
    (server,) = children(command.pid)
    url = judges["strong"]["endpoint"]["url"]
    assert httpx.get(f"{url}/models", trust_env=False).status_code == 401
    own = {"Authorization": f"Bearer {os.environ['HONE_JUDGE_KEY']}"}
    assert httpx.get(f"{url}/models", headers=own, trust_env=False).status_code == 200
    os.kill(command.pid, how)
    command.wait(60)
    for _ in range(600):
        if not alive(server):
            break
        time.sleep(0.1)
    assert not alive(server)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/models", trust_env=False)


def test_a_server_that_somebody_else_ended_is_reported(served: tuple[subprocess.Popen, dict]):
    command, _ = served
    (server,) = children(command.pid)
    os.kill(server, signal.SIGTERM)
    assert command.wait(60) == 1
    output = command.stderr.read()
    assert output.startswith("hone: The server of mine.gguf ")
    assert "exit code -15" in output
    assert "Traceback" not in output


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]
