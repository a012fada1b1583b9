"""xllamacpp's OpenAI-compatible server in its own process. The process ends with its parent, and
every call needs the key.

The defaults of xllamacpp let any page in a browser call the server: it accepts every origin and
host name, and it publishes its slots.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hone.errors import Refused
from hone.files import home

READY = "listening on "


@dataclass(frozen=True)
class Running:
    """A server: its base URL (ending in /v1), its process and the key for every call."""

    url: str
    process: subprocess.Popen
    key: str = field(repr=False)


@contextmanager
def serving(
    model: Path,
    *,
    slots: int = 1,
    context: int = 4096,
    threads: int | None = None,
    port: int = 0,
    name: str | None = None,
    key: str | None = None,
) -> Iterator[Running]:
    """Serve a GGUF model until the block ends.

    Args:
        model: the GGUF file.
        slots: maximum number of concurrent prompts.
        context: tokens of a prompt and its completion, per slot.
        threads: processor threads; null: all cores.
        port: port on the loopback interface; 0: any free port.
        name: model name in completions and errors; null: the file name. The server's own default is
            the full path.
        key: the key for every call; null: a random key.

    Raises:
        Refused: the file is not a readable model, or the port is in use.
    """
    refuse_taken(port)
    log = home() / "logs" / "judge-server.log"
    log.parent.mkdir(exist_ok=True)
    name, key = name or model.name, key or secrets.token_urlsafe(32)
    given = (model.resolve(), name, slots, context, threads or cores(), port)
    command = [sys.executable, "-m", "hone.llm.llama_server", *map(str, given)]
    with log.open("wb") as chatter:
        # The child process ends when this pipe closes, however this process ends.
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=chatter, text=True
        )
        try:
            with suppress(BrokenPipeError):  # the process ended at once; the error follows below
                server.stdin.write(
                    key + "\n"
                )  # not an argument: every user of the machine can list arguments
                server.stdin.flush()
            address = next((line for line in server.stdout if line.startswith(READY)), None)
            if address is None:
                raise Refused(
                    f"cannot serve the model {name}. Check that the GGUF file is complete and "
                    "that there is enough memory. "
                    f"The server's output is in HONE_HOME/logs/{log.name}."
                )
            yield Running(address.removeprefix(READY).strip() + "/v1", server, key)
        finally:
            with suppress(BrokenPipeError):
                server.stdin.close()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            server.stdout.close()


def refuse_taken(port: int) -> None:
    """Raises Refused if the port cannot be opened on the loopback interface; 0 is any free port."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise Refused(
                f"port {port} cannot be used ({error}). Choose another port with --port."
            ) from None


def cores() -> int:
    """Number of processor cores available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main(model: str, name: str, slots: str, context: str, threads: str, port: str) -> None:
    """Serve until standard input ends. Its first line is the key."""
    from xllamacpp import CommonParams, Server

    given = CommonParams()
    given.model.path = model
    given.model_alias = {name}
    given.n_parallel = int(slots)
    given.n_ctx = int(slots) * int(context)
    given.cpuparams.n_threads = int(threads)
    given.cpuparams_batch.n_threads = int(threads)
    if int(port):
        given.port = int(port)
    given.api_keys = [sys.stdin.readline().strip()]
    given.endpoint_slots = given.ui = given.cors_credentials = False
    given.cors_origins, given.cors_origins_explicit = "", True  # no web page can read a completion
    server = Server(given)
    print(f"{READY}{server.listening_address}", flush=True)
    sys.stdin.read()
    os._exit(0)  # threads may still process a prompt whose completion is not needed


if __name__ == "__main__":
    main(*sys.argv[1:])
