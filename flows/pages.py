"""Prefect's and MLflow's pages on this machine's loopback, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType

from tasks.errors import Refused
from tasks.files import home
from tasks.stage import run, say

HOST = "127.0.0.1"
SECONDS_TO_START = 120
SECONDS_TO_END = 10


def main(prefect_port: str = "4200", mlflow_port: str = "5000") -> None:
    """Start both servers and print their addresses."""
    ports = {"Prefect": int(prefect_port), "MLflow": int(mlflow_port)}
    for name, port in ports.items():
        if answers(port):
            raise Refused(f"port {port} is taken, so {name}'s page cannot use it: give another, `--{name.lower()}-port`.")
    memory = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"
    commands = {
        "Prefect": ["prefect", "server", "start", "--host", HOST, "--port", str(ports["Prefect"])],
        "MLflow": ["mlflow", "server", "--host", HOST, "--port", str(ports["MLflow"]), "--backend-store-uri", memory],
    }
    signal.signal(signal.SIGTERM, _end)
    servers = {name: start(command) for name, command in commands.items()}
    try:
        for name, server in servers.items():
            wait_for(name, server, ports[name])
            say(f"{name}: http://{HOST}:{ports[name]}")
        address = f"http://{HOST}:{ports['Prefect']}/api"
        say(f"a flow that is to appear in Prefect's page: PREFECT_API_URL={address} python -m flows.loop")
        say("Ctrl-C ends both")
        while all(server.poll() is None for server in servers.values()):
            time.sleep(0.5)
        ended = [name for name, server in servers.items() if server.poll() is not None]
        raise Refused(f"the server of {' and '.join(ended)} has ended; its last lines are above.")
    except KeyboardInterrupt:
        say("ended")
    finally:
        for server in servers.values():
            end(server)


def start(command: list[str]) -> subprocess.Popen:
    """A server of this environment, in a process group of its own so that its workers end with it."""
    quiet = {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
    }
    return subprocess.Popen([sys.executable, "-m", *command], env=os.environ | quiet, stdout=subprocess.DEVNULL, start_new_session=True)


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
