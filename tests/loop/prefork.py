"""Stages without the seconds that Python needs to import torch: a process that has imported it runs
each stage in a fork of itself.

`python -m tests.loop.prefork FOLDER` listens in FOLDER, and writes a program `python` there. With
that first on PATH a stage's command, `python -m tasks.train --round r1`, hands its folder,
environment and files on to a fork, and ends as that ends; all else runs in the real Python. A stage
that is killed takes its fork along, a little later, so a test that looks for processes, or cuts
them off from the network, has none of this.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
# No module of Hone: the stages of a test are those of its own copy.
IMPORTED = ("scipy.stats", "torch", "sentence_transformers", "mlflow")
LENGTH = 8

CLIENT = """#!{python} -ISs
import json, os, socket, sys
if sys.argv[1:2] != ["-m"] or not sys.argv[2].startswith("tasks."):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({place!r})
    given = json.dumps([os.getcwd(), sys.argv[2:], dict(os.environ)]).encode()
    socket.send_fds(connection, [len(given).to_bytes({length}, "big")], [0, 1, 2])
    connection.sendall(given)
    sys.exit(int(connection.recv(16) or 137))
"""


@contextmanager
def preforked(folder: Path) -> Iterator[Path]:
    """A folder to put first on PATH while the block lasts."""
    folder.mkdir(parents=True)
    place, program = folder / "socket", folder / "python"
    program.write_text(CLIENT.format(python=sys.executable, place=str(place), length=LENGTH))
    program.chmod(0o755)
    command = [sys.executable, "-m", "tests.loop.prefork", str(place)]
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.PIPE, start_new_session=True
    ) as server:
        assert server.stdout.readline() == b"ready\n"
        try:
            yield folder
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def serve(place: str) -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a fork has none of the threads that were begun before"
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait for stages
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()
        print("ready", flush=True)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                attend(connection)
            connection.close()


def attend(connection: socket.socket) -> None:
    """Run one stage in a fork, and end it where who wants it has gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, files, *_ = socket.recv_fds(connection, LENGTH, 3)
    length, given = int.from_bytes(head, "big"), b""
    while len(given) < length:
        given += connection.recv(length - len(given))
    stage = os.fork()
    if stage == 0:
        connection.close()
        run(files, *json.loads(given))
    for file in files:
        os.close(file)
    ended = os.pidfd_open(stage)
    ready, *_ = select.select([ended, connection], [], [])
    if ended not in ready:
        os.kill(stage, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(stage, 0)[1])
    with suppress(OSError):
        connection.sendall(str(code if code >= 0 else 128 - code).encode())
    os._exit(0)


def run(files: list[int], folder: str, command: list[str], environment: dict[str, str]) -> None:
    """What `python -m` does, and how Python ends."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.fsync = lambda handle: None  # what a test writes need not survive a power cut
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    sys.orig_argv = [sys.executable, "-m", *command]
    sys.argv = list(command)
    sys.path[:] = [
        folder,
        *environment.get("PYTHONPATH", "").split(os.pathsep),
        *(one for one in sys.path if one != str(PROJECT)),
    ]
    for name in [
        name
        for name in sys.modules
        if name.partition(".")[0] in ("tests", "tasks", "hone", "sitecustomize")
    ]:
        del sys.modules[name]
    code = 0
    try:
        with suppress(ImportError):
            importlib.import_module("sitecustomize")
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
