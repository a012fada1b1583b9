"""Who may use Prefect's server on this machine: whoever holds a random key, which stands in a file that only its owner can read.

By Prefect's own defaults any page in a browser may schedule code on a server at 127.0.0.1: every origin is allowed, no host name is
checked, and nobody has to authenticate. Here pages of other origins may read nothing, writing needs Prefect's CSRF token, and every
request needs the key, which also stops a foreign host name that leads to 127.0.0.1 (DNS rebinding).

    python -m flows.access work-pool create local --type process

runs Prefect's command line with the address and key of the server that `make ui` started.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hone.errors import Refused
from hone.files import home, written_whole
from hone.stage import SWITCHES, ended_by_sentences

PROJECT = Path(__file__).parent.parent
PATIENCE = 5  # seconds that a reader may hold the lock
ALL_MY_OWN = 0o600

# Prefect reads the first of several names of a setting that is set: these are the first.
CLIENT_URL, CLIENT_KEY = "PREFECT_API_URL", "PREFECT_API_AUTH_STRING"
SERVER_KEY = "PREFECT_SERVER_API_AUTH_STRING"
CSRF, ORIGINS = "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED", "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS"
PAGE_URL = "PREFECT_SERVER_UI_API_URL"
# No page belongs to a temporary server, and an origin never has this name.
NO_ORIGIN = "none"
SECOND = "another `make ui` runs with this HONE_HOME: use its pages, or end it first."


@dataclass(frozen=True)
class Server:
    """The server of `make ui`: the address of its API, and the key as Prefect takes it, "user:password"."""

    url: str
    key: str

    def __repr__(self) -> str:
        return f"Server(url={self.url!r})"  # the key is never printed


def key_file() -> Path:
    """The key's file in HONE_HOME."""
    return home() / "prefect.key"


def address_file() -> Path:
    """The file in HONE_HOME that names the server while it runs."""
    return home() / "prefect.json"


def key() -> str:
    """The key of this user's servers, made the first time: a browser or a worker that has it need not be given another."""
    file = key_file()
    with suppress(FileNotFoundError):
        if written := file.read_text(encoding="utf-8").strip():
            file.chmod(ALL_MY_OWN)
            return written
    made = random_key()
    with written_whole(file, ALL_MY_OWN) as part:
        part.write_text(made + "\n", encoding="utf-8")
    return made


def random_key() -> str:
    """A key that nobody can guess, as Prefect takes it."""
    return f"hone:{secrets.token_urlsafe(32)}"


def server_settings(host: str, port: int, given: str) -> dict[str, str]:
    """Variables of a server with a page: its own origin may use it, with a key."""
    return {
        SERVER_KEY: given,
        CSRF: "true",
        ORIGINS: f"http://{host}:{port}",
        PAGE_URL: f"http://{host}:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }


def temporary_server_settings() -> dict[str, str]:
    """Variables of a server that Prefect starts for one flow, and of the flow itself."""
    made = random_key()
    return {SERVER_KEY: made, CLIENT_KEY: made, CSRF: "true", ORIGINS: NO_ORIGIN, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


def protect() -> None:
    """See that a temporary server of this process is closed to others; where Prefect was given an address there will be none."""
    if configured() is None and SERVER_KEY not in os.environ:
        set_variables(temporary_server_settings())


def join() -> None:
    """Use the server of `make ui`, where one runs and Prefect was given no other address."""
    server = running()
    if server and configured() in (None, server.url):
        set_variables({CLIENT_URL: server.url, CLIENT_KEY: server.key})


def configured() -> str | None:
    """The address that Prefect was given, by a variable or a profile."""
    from prefect.settings import get_current_settings

    return get_current_settings().api.url


def set_variables(values: dict[str, str]) -> None:
    """Set variables for this process and those that it starts; Prefect reads them again."""
    from prefect.context import refresh_global_settings_context

    os.environ.update(values)
    refresh_global_settings_context()


@contextmanager
def announced(server: Server) -> Iterator[None]:
    """Let flows and workers of this user find a server during the block.

    Raises:
        Refused: another one is announced.
    """
    lock = _lock()
    from filelock import Timeout

    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise Refused(SECOND) from None
    try:
        with written_whole(address_file(), ALL_MY_OWN) as part:
            part.write_text(json.dumps({"url": server.url, "key": server.key}) + "\n", encoding="utf-8")
        yield
    finally:
        address_file().unlink(missing_ok=True)
        lock.release()


def refuse_second() -> None:
    """Raises Refused where a server is announced already."""
    if running():
        raise Refused(SECOND)


def running() -> Server | None:
    """The server that is announced, while the process that announced it lives."""
    from filelock import Timeout

    if not address_file().exists():
        return None
    with suppress(Timeout), _lock().acquire(timeout=0):
        return None  # nobody holds it: the file is of a process that was killed
    try:
        found = json.loads(address_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None  # it ended just now
    return Server(found["url"], found["key"])


def _lock() -> object:
    from filelock import FileLock

    return FileLock(home() / "prefect.lock", mode=ALL_MY_OWN)


def main(arguments: list[str]) -> None:
    """Run `prefect ARGUMENTS` with the address and the key of `make ui`; the key stands on no command line.

    Raises:
        Refused: no such server runs.
    """
    server = running()
    if server is None:
        raise Refused("no server of `make ui` runs with this HONE_HOME: start it in another terminal, and wait for its addresses.")
    environment = SWITCHES | {"HONE_PROJECT": str(PROJECT)} | os.environ | {CLIENT_URL: server.url, CLIENT_KEY: server.key}
    os.execve(sys.executable, [sys.executable, "-m", "prefect", *arguments], environment)


if __name__ == "__main__":
    with ended_by_sentences("flows.access"):
        main(sys.argv[1:])
