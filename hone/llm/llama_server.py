"""xllamacpp's OpenAI-compatible server, in a process of its own that ends with whoever started it and answers only whoever has its key.

By its own defaults it answers every page that a browser has open: it reflects any origin, looks at no host name, and shows its slots.
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
    """A server: its base URL (ending in /v1), its process, and the key that every call needs."""

    url: str
    process: subprocess.Popen
    key: str = field(repr=False)


@contextmanager
def serving(
    model: Path, *, slots: int = 1, context: int = 4096, threads: int | None = None, port: int = 0, name: str | None = None,
    key: str | None = None,
) -> Iterator[Running]:  # fmt: skip
    """A server that answers by a GGUF model until the block ends.

    Args:
        model: the file.
        slots: prompts at once.
        context: tokens of prompt and answer together, of each slot.
        threads: processor threads; null: all cores.
        port: to listen on, on loopback; 0: any that is free.
        name: what answers and errors call the model; null: the file's name. Left to itself the server would tell its path.
        key: that calls must carry; null: a random one.

    Raises:
        Refused: the file is no model that can be read, or the port is another's.
    """
    refuse_taken(port)
    log = home() / "logs" / "judge-server.log"
    log.parent.mkdir(exist_ok=True)
    name, key = name or model.name, key or secrets.token_urlsafe(32)
    given = (model.resolve(), name, slots, context, threads or cores(), port)
    command = [sys.executable, "-m", "hone.llm.llama_server", *map(str, given)]
    with log.open("wb") as chatter:
        # The child ends when this pipe closes, however this process ends.
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=chatter, text=True)
        try:
            with suppress(BrokenPipeError):  # it ended at once, which is told below
                server.stdin.write(key + "\n")  # not a word of the command, which every user of the machine can list
                server.stdin.flush()
            address = next((line for line in server.stdout if line.startswith(READY)), None)
            if address is None:
                raise Refused(
                    f"the model {name} cannot be served: is it a whole GGUF file, and is there memory for it? "
                    f"The server's words are in HONE_HOME/logs/{log.name}."
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
    """Raises Refused when nobody can listen on a port of loopback; 0 is any port."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise Refused(f"port {port} cannot be used ({error}): choose another with --port.") from None


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main(model: str, name: str, slots: str, context: str, threads: str, port: str) -> None:
    """Serve until standard input ends, whose first line is the key."""
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
    given.cors_origins, given.cors_origins_explicit = "", True  # no page of any origin reads an answer
    server = Server(given)
    print(f"{READY}{server.listening_address}", flush=True)
    sys.stdin.read()
    os._exit(0)  # its threads may be in the middle of a prompt that nobody waits for


if __name__ == "__main__":
    main(*sys.argv[1:])
