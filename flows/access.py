"""Access control for the local Prefect server: a random key in a file that only its owner can read.

With Prefect's defaults, any web page in a browser can schedule code on a server at 127.0.0.1: every
origin is allowed, host names are not checked, and there is no authentication. Here, pages of other
origins cannot read anything, writing needs Prefect's CSRF token, and every request needs the key.
The key also prevents DNS rebinding.

    python -m flows.access work-pool create local --type process

runs the Prefect command line with the address and key of the server that `make ui` started.
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
PATIENCE = 5  # seconds to wait for the lock
ALL_MY_OWN = 0o600

# Prefect accepts several names for a setting and uses the first one that is set. These names come
# first.
CLIENT_URL, CLIENT_KEY = "PREFECT_API_URL", "PREFECT_API_AUTH_STRING"
SERVER_KEY = "PREFECT_SERVER_API_AUTH_STRING"
CSRF, ORIGINS = (
    "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED",
    "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS",
)
PAGE_URL = "PREFECT_SERVER_UI_API_URL"
# A temporary server has no page. No origin has this name.
NO_ORIGIN = "none"
SECOND = "Another `make ui` is running with this HONE_HOME. Use its pages, or stop it first."


@dataclass(frozen=True)
class Server:
    """The server of `make ui`: the address of its API, and the key in Prefect's format,
    "user:password".
    """

    url: str
    key: str

    def __repr__(self) -> str:
        return f"Server(url={self.url!r})"  # never print the key


def key_file() -> Path:
    """The key's file in HONE_HOME."""
    return home() / "prefect.key"


def address_file() -> Path:
    """The file in HONE_HOME with the server's address while it runs."""
    return home() / "prefect.json"


def key() -> str:
    """The key of this user's servers. It is created once, so browsers and workers can keep it."""
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
    """A random key in Prefect's format."""
    return f"hone:{secrets.token_urlsafe(32)}"


def server_settings(host: str, port: int, given: str) -> dict[str, str]:
    """Environment variables of a server with a page: only its own origin may use it, with a key."""
    return {
        SERVER_KEY: given,
        CSRF: "true",
        ORIGINS: f"http://{host}:{port}",
        PAGE_URL: f"http://{host}:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }


def temporary_server_settings() -> dict[str, str]:
    """Environment variables of a temporary server that Prefect starts for one flow, and of the
    flow itself.
    """
    made = random_key()
    return {
        SERVER_KEY: made,
        CLIENT_KEY: made,
        CSRF: "true",
        ORIGINS: NO_ORIGIN,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }


def protect() -> None:
    """Protect the temporary server of this process. If Prefect has an address, there is no
    temporary server.
    """
    if configured_address() is None and SERVER_KEY not in os.environ:
        set_variables(temporary_server_settings())


def join() -> None:
    """Use the server of `make ui` if it is running and Prefect has no other address."""
    server = find_server()
    if server and configured_address() in (None, server.url):
        set_variables({CLIENT_URL: server.url, CLIENT_KEY: server.key})


def configured_address() -> str | None:
    """Prefect's configured API address, from an environment variable or a profile."""
    from prefect.settings import get_current_settings

    return get_current_settings().api.url


def set_variables(values: dict[str, str]) -> None:
    """Set environment variables for this process and its children, and refresh Prefect's
    settings.
    """
    from prefect.context import refresh_global_settings_context

    os.environ.update(values)
    refresh_global_settings_context()


@contextmanager
def announce(server: Server) -> Iterator[None]:
    """Announce a server to the flows and workers of this user during the block.

    Raises:
        Refused: another server is announced.
    """
    lock = _lock()
    from filelock import Timeout

    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise Refused(SECOND) from None
    try:
        with written_whole(address_file(), ALL_MY_OWN) as part:
            part.write_text(
                json.dumps({"url": server.url, "key": server.key}) + "\n", encoding="utf-8"
            )
        yield
    finally:
        address_file().unlink(missing_ok=True)
        lock.release()


def refuse_second() -> None:
    """Raises Refused if a server is already announced."""
    if find_server():
        raise Refused(SECOND)


def find_server() -> Server | None:
    """The announced server if its process is running, else null."""
    from filelock import Timeout

    if not address_file().exists():
        return None
    with suppress(Timeout), _lock().acquire(timeout=0):
        return None  # the lock is free: the file belongs to a killed process
    try:
        found = json.loads(address_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None  # the server has just stopped
    return Server(found["url"], found["key"])


def _lock() -> object:
    from filelock import FileLock

    return FileLock(home() / "prefect.lock", mode=ALL_MY_OWN)


def main(arguments: list[str]) -> None:
    """Run `prefect ARGUMENTS` with the address and key of `make ui`. The key is not on any command
    line.

    Raises:
        Refused: the server is not running.
    """
    server = find_server()
    if server is None:
        raise Refused(
            "No server is running with this HONE_HOME. Run `make ui` in another terminal, and "
            "wait for the addresses."
        )
    environment = (
        SWITCHES
        | {"HONE_PROJECT": str(PROJECT)}
        | os.environ
        | {CLIENT_URL: server.url, CLIENT_KEY: server.key}
    )
    os.execve(sys.executable, [sys.executable, "-m", "prefect", *arguments], environment)


if __name__ == "__main__":
    with ended_by_sentences("flows.access"):
        main(sys.argv[1:])
