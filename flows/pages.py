"""Prefect's and MLflow's pages on this machine's loopback, until Ctrl-C."""

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
from hone.addresses import shown
from hone.errors import Refused
from hone.present.mlflow_client import address_of_server
from hone.stage import run, say

HOST = "127.0.0.1"
SECONDS_TO_START = 300  # a machine that is busy takes minutes
SECONDS_TO_END = 10


def main(prefect_port: str = "4200", mlflow_port: str = "5000") -> None:
    """Start both servers and print their addresses."""
    ports = {"Prefect": number_of(prefect_port, "prefect"), "MLflow": number_of(mlflow_port, "mlflow")}
    runs = address_of_server()
    if is_remote(runs):  # a server already, with a page of its own
        del ports["MLflow"]
    if len(set(ports.values())) < len(ports):
        raise Refused(f"both pages cannot use port {prefect_port}: give another, `--mlflow-port`.")
    for name, port in ports.items():
        if answers(port):
            raise Refused(f"port {port} is taken, so {name}'s page cannot use it: give another, `--{name.lower()}-port`.")
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
            say(f"MLflow: {shown(runs)}, as MLFLOW_TRACKING_URI has it")
        with access.announced(server):
            say(f"Prefect's page asks once for a password: it is the line in {access.key_file()}, which nobody but you can read")
            say("`python -m flows.loop` now appears on the page; `python -m flows.access worker start --pool local` starts a worker")
            say(f"Ctrl-C ends {'both' if len(servers) > 1 else 'it'}")
            while all(process.poll() is None for process in servers.values()):
                time.sleep(0.5)
        ended = [name for name, process in servers.items() if process.poll() is not None]
        raise Refused(f"the server of {' and '.join(ended)} has ended; its last lines are above.")
    except KeyboardInterrupt:
        say("ended")
    finally:
        for process in servers.values():
            end(process)


def number_of(port: str, name: str) -> int:
    """A port as a number.

    Raises:
        Refused: it is none.
    """
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise Refused(f"--{name}-port is {port!r}: give a number from 1 to 65535.")
    return int(port)


def is_remote(runs: str) -> bool:
    """Whether MLflow's runs are kept by a server, and not in a database or folder that a server of ours can open."""
    return urlsplit(runs).scheme in ("http", "https")


def prefect_server(port: int, key: str) -> tuple[list[str], dict[str, str]]:
    """The command of Prefect's server, and its variables: the key must not stand where every user can list it."""
    command = ["prefect", "server", "start", "--host", HOST, "--port", str(port)]
    return command, access.server_settings(HOST, port, key) | {"PREFECT_LOGGING_SERVER_LEVEL": "WARNING"}


def mlflow_server(port: int, runs: str) -> tuple[list[str], dict[str, str]]:
    """The command of MLflow's server, and its variables: the database's address may hold a password."""
    command = ["mlflow", "server", "--host", HOST, "--port", str(port)]
    return command, {"MLFLOW_BACKEND_STORE_URI": runs, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def start(command: list[str], variables: dict[str, str]) -> subprocess.Popen:
    """A server of this environment, in a process group of its own so that its workers end with it."""
    return subprocess.Popen([sys.executable, "-m", *command], env=os.environ | variables, stdout=subprocess.DEVNULL, start_new_session=True)


def wait_for(name: str, server: subprocess.Popen, port: int) -> None:
    """Raises Refused when a server ends, or does not answer in time."""
    until = time.monotonic() + SECONDS_TO_START
    while not answers(port):
        if server.poll() is not None:
            raise Refused(f"the server of {name} ended at once; its last lines are above.")
        if time.monotonic() > until:
            raise Refused(f"the server of {name} does not answer on port {port} after {SECONDS_TO_START} s.")
        time.sleep(0.5)


def answers(port: int) -> bool:
    """Whether something listens on a port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def end(server: subprocess.Popen) -> None:
    """End a server with all that it started."""
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
