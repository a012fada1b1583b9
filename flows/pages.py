"""`make ui`: serve the Prefect and MLflow pages on the loopback interface, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType
from urllib.parse import urlsplit

from flows import access
from hone.errors import Refused
from hone.present.mlflow_client import address_of_server
from hone.stage import run, say
from hone.urls import show_url

HOST = "127.0.0.1"
SECONDS_TO_START = 300  # a busy machine needs minutes
SECONDS_TO_END = 10


def main(prefect_port: str = "4200", mlflow_port: str = "5000") -> None:
    """Start both servers and print their addresses."""
    ports = {
        "Prefect": number_of(prefect_port, "prefect"),
        "MLflow": number_of(mlflow_port, "mlflow"),
    }
    runs = address_of_server()
    if is_remote(runs):  # a remote server has its own page
        del ports["MLflow"]
    if len(set(ports.values())) < len(ports):
        raise Refused(f"Both pages cannot use port {prefect_port}. Use another `--mlflow-port`.")
    for name, port in ports.items():
        if answers(port):
            raise Refused(
                f"Port {port} for {name} is already in use. Use another `--{name.lower()}-port`."
            )
    access.refuse_second()
    server = access.Server(f"http://{HOST}:{ports['Prefect']}/api", access.key())
    commands = {"Prefect": prefect_server(ports["Prefect"], server.key)}
    if "MLflow" in ports:
        commands["MLflow"] = mlflow_server(ports["MLflow"], runs)
    signal.signal(signal.SIGTERM, _end)
    servers: dict[str, subprocess.Popen] = {}
    try:
        for name, (command, variables) in commands.items():
            servers[name] = start(command, variables)
        for name, process in servers.items():
            wait_for(name, process, ports[name])
            say(f"{name}: http://{HOST}:{ports[name]}")
        if "MLflow" not in servers:
            say(f"MLflow: {show_url(runs)} (from MLFLOW_TRACKING_URI)")
        with access.announce(server):
            say(
                "The Prefect page requires a password once. Copy the line in "
                f"{access.key_file()}, which only you can read."
            )
            say(
                "`python -m flows.loop` now appears on the page. `python -m flows.access worker "
                "start --pool local` starts a worker."
            )
            say(f"Press Ctrl-C to stop {'both' if len(servers) > 1 else 'the server'}.")
            while all(process.poll() is None for process in servers.values()):
                time.sleep(0.5)
        ended = [name for name, process in servers.items() if process.poll() is not None]
        raise Refused(f"The {' and '.join(ended)} server has stopped. See its last lines above.")
    except KeyboardInterrupt:
        say("stopped")
    finally:
        for process in servers.values():
            end(process)


def number_of(port: str, name: str) -> int:
    """A port as a number.

    Raises:
        Refused: it is not a valid port.
    """
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise Refused(f"--{name}-port is {port!r}. Use a number from 1 to 65535.")
    return int(port)


def is_remote(runs: str) -> bool:
    """Whether a remote server stores the MLflow runs, instead of a local database or folder."""
    return urlsplit(runs).scheme in ("http", "https")


def prefect_server(port: int, key: str) -> tuple[list[str], dict[str, str]]:
    """The command and environment variables of the Prefect server. The key is not in the
    command, which every user can list.
    """
    command = ["prefect", "server", "start", "--host", HOST, "--port", str(port)]
    return command, access.server_settings(HOST, port, key) | {
        "PREFECT_LOGGING_SERVER_LEVEL": "WARNING"
    }


def mlflow_server(port: int, runs: str) -> tuple[list[str], dict[str, str]]:
    """The command and environment variables of the MLflow server. The database address may
    contain a password.
    """
    command = ["mlflow", "server", "--host", HOST, "--port", str(port)]
    return command, {
        "MLFLOW_BACKEND_STORE_URI": runs,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def start(command: list[str], variables: dict[str, str]) -> subprocess.Popen:
    """Start a server in its own process group, so that its workers stop with it."""
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        env=os.environ | variables,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_for(name: str, server: subprocess.Popen, port: int) -> None:
    """Raises Refused if a server stops or does not respond in time."""
    until = time.monotonic() + SECONDS_TO_START
    while not answers(port):
        if server.poll() is not None:
            raise Refused(f"The {name} server stopped at once. See its last lines above.")
        if time.monotonic() > until:
            raise Refused(
                f"The {name} server does not respond on port {port} after {SECONDS_TO_START} s. "
                "Start it again."
            )
        time.sleep(0.5)


def answers(port: int) -> bool:
    """Whether a process listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def end(server: subprocess.Popen) -> None:
    """Stop a server and all its child processes."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, kind)
            server.wait(SECONDS_TO_END)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    run(main)
