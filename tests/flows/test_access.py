"""Prefect's server on this machine: whoever has the key works with it, and no page of another
origin or host name does.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.settings import get_current_settings

from flows import access, pages
from hone.errors import Refused

PROJECT = Path(__file__).parent.parent.parent
KEY = "hone:the-key-of-this-test"
FOREIGN = {
    "another origin": {"Origin": "https://evil.example"},
    "another host name that leads here": {
        "Host": "evil.example:4200",
        "Origin": "http://evil.example:4200",
    },
    "no origin": {},
    "a key that is not it": {
        "Authorization": "Basic " + base64.b64encode(b"hone:guessed").decode()
    },
}
FLOW = {"name": "made-by-a-stranger"}


def with_key(given: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(given.encode()).decode()}


@dataclass(frozen=True)
class Page:
    """Prefect's own app with the variables of `make ui`'s server, without its database."""

    app: object
    settings: object

    @contextmanager
    def opened(self) -> Iterator[httpx.Client]:
        """A caller without a key; the app looks at some settings when it is asked."""
        from prefect.context import SettingsContext
        from prefect.settings import Profile
        from starlette.testclient import TestClient

        with SettingsContext(profile=Profile(name="page", settings={}), settings=self.settings):
            yield TestClient(self.app, base_url="http://127.0.0.1:4200")


def made_page(**users_own: str) -> Page:
    from prefect.context import SettingsContext
    from prefect.server.api.server import create_app
    from prefect.settings import Profile, Settings

    with pytest.MonkeyPatch.context() as patch:
        for name, value in (users_own | pages.prefect_server(4200, KEY)[1]).items():
            patch.setenv(name, value)
        settings = Settings()
    with SettingsContext(profile=Profile(name="page", settings={}), settings=settings):
        return Page(create_app(settings, ephemeral=True, ignore_cache=True), settings)


@pytest.fixture(scope="module")
def page() -> Page:
    return made_page()


@pytest.fixture(params=["temporary", "page"])
def client(request: pytest.FixtureRequest, page: Page) -> Iterator[httpx.Client]:
    """A caller without a key: of the temporary server of these tests, a process; and of the
    page's app.
    """
    opened = (
        page.opened()
        if request.param == "page"
        else httpx.Client(base_url=get_current_settings().api.url.removesuffix("/api"))
    )
    with opened as found:
        yield found


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/api/flows/", FLOW), ("GET", "/api/admin/settings", None)],
)
def test_a_stranger_can_neither_write_nor_read(
    client: httpx.Client, method: str, path: str, body: dict | None, headers: dict[str, str]
):
    answer = client.request(method, path, json=body, headers=headers)
    assert answer.status_code in (401, 403)
    assert "access-control-allow-origin" not in answer.headers


def test_a_page_of_another_origin_may_not_even_ask(client: httpx.Client):
    asks = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = client.options("/api/flows/", headers=asks)
    assert answer.status_code == 400
    assert "access-control-allow-origin" not in answer.headers


def test_the_key_alone_writes_nothing_from_a_browser(client: httpx.Client):
    """A browser that keeps the key for a page must not spend it for another: Prefect's CSRF
    token is asked for as well.
    """
    answer = client.post(
        "/api/flows/", json=FLOW, headers=with_key(KEY) | {"Origin": "https://evil.example"}
    )
    assert (answer.status_code, answer.json()) == (403, {"detail": "Missing CSRF token."})


def test_the_page_itself_may_ask(page: Page):
    own = "http://127.0.0.1:4200"
    with page.opened() as client:
        answer = client.get("/api/admin/version", headers=with_key(KEY) | {"Origin": own})
        settings = client.get("/ui-settings").json()
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == own
    assert (settings["csrf_enabled"], settings["auth"], settings["api_url"]) == (
        True,
        "BASIC",
        f"{own}/api",
    )


def test_a_users_own_variables_do_not_open_the_page():
    """Prefect has two names for these settings; whichever a user's profile or shell has, ours
    are read first.
    """
    page = made_page(
        PREFECT_SERVER_CORS_ALLOWED_ORIGINS="*",
        PREFECT_SERVER_CSRF_PROTECTION_ENABLED="false",
        PREFECT_UI_API_URL="https://evil.example",
    )
    with page.opened() as client:
        assert client.post("/api/flows/", json=FLOW, headers=with_key(KEY)).status_code == 403
        answer = client.get("/api/admin/version", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in answer.headers
        assert client.get("/ui-settings").json()["api_url"] == "http://127.0.0.1:4200/api"


def test_events_are_not_taken_from_strangers():
    """CORS does not hold for web sockets."""
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    url = get_current_settings().api.url.replace("http:", "ws:") + "/events/in"
    with pytest.raises(InvalidStatus, match="403"), connect(url, origin="https://evil.example"):
        pass


def test_whoever_has_the_key_works():
    with get_client(sync_client=True) as client:
        assert client.create_flow_from_name("of-the-rightful-client")


def test_the_key_is_kept_where_its_owner_alone_reads_it(hone_home: Path):
    key = access.key()
    assert len(key) > 40
    assert access.key() == key
    assert {stat.S_IMODE(file.stat().st_mode) for file in hone_home.iterdir()} == {0o600}
    access.key_file().write_text("")  # as a full disk may leave it
    assert len(access.key()) > 40 != key


def test_a_server_is_found_while_it_runs(hone_home: Path):
    server = access.Server("http://127.0.0.1:4200/api", KEY)
    assert access.find_server() is None
    with access.announce(server):
        assert stat.S_IMODE(access.address_file().stat().st_mode) == 0o600
        found = subprocess.run(
            [sys.executable, "-c", "from flows import access; print(access.find_server())"],
            cwd=PROJECT,
            check=True,
            capture_output=True,
            text=True,
        )
        assert (
            found.stdout == "Server(url='http://127.0.0.1:4200/api')\n"
        )  # and the key is not printed
    assert access.find_server() is None


def test_a_server_that_was_killed_is_not_used(hone_home: Path):
    """The port may be another's by then, who would be sent the key."""
    code = (
        "import os, signal; from flows import access\n"
        "with access.announce(access.Server('http://127.0.0.1:4200/api', 'hone:x')): "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode
        == -signal.SIGKILL
    )
    assert access.address_file().exists()
    assert access.find_server() is None


def test_two_pages_of_one_home_are_refused(hone_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(access, "PATIENCE", 0)
    server = access.Server("http://127.0.0.1:4200/api", KEY)
    with (
        access.announce(server),
        pytest.raises(Refused, match="Another `make ui` is running"),
        access.announce(server),
    ):
        pass
    with access.announce(server), pytest.raises(Refused, match="Another `make ui` is running"):
        pages.main(prefect_port=str(free_port()), mlflow_port=str(free_port()))
    assert not access.address_file().exists()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


@pytest.mark.parametrize(
    ("given", "joins"),
    [(None, True), ("http://127.0.0.1:4200/api", True), ("http://127.0.0.1:4300/api", False)],
    ids=str,
)
def test_a_flow_joins_the_page_unless_it_was_given_another_address(
    given: str | None, joins: bool, monkeypatch: pytest.MonkeyPatch
):
    set_now: dict[str, str] = {}
    monkeypatch.setattr(access, "configured_address", lambda: given)
    monkeypatch.setattr(access, "set_variables", set_now.update)
    access.join()
    assert not set_now
    with access.announce(access.Server("http://127.0.0.1:4200/api", KEY)):
        access.join()
    assert set_now == (
        {"PREFECT_API_URL": "http://127.0.0.1:4200/api", "PREFECT_API_AUTH_STRING": KEY}
        if joins
        else {}
    )


def test_prefects_command_line_has_the_key_but_not_as_a_word(hone_home: Path):
    settings = get_current_settings().api
    with access.announce(access.Server(settings.url, settings.auth_string.get_secret_value())):
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PREFECT_API")
        }
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "flows.access",
                "work-pool",
                "create",
                "of-this-test",
                "--type",
                "process",
            ],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert "Created work pool 'of-this-test'" in done.stdout, done.stderr


def test_without_a_page_the_command_says_how_to_start_one(hone_home: Path):
    with pytest.raises(Refused, match="No server is running with this HONE_HOME"):
        access.main(["worker", "start"])


def test_no_secret_stands_in_a_servers_command():
    """Every user of a machine can list its processes with their words."""
    runs = "postgresql://me:hunter2@db.example/mlflow"
    for command, variables in (pages.prefect_server(4200, KEY), pages.mlflow_server(5000, runs)):
        assert not [word for word in command if KEY in word or "hunter2" in word]
        assert {KEY, runs} & set(variables.values())


def test_a_server_of_runs_has_a_page_already():
    assert pages.is_remote("https://me:hunter2@mlflow.example")
    assert not pages.is_remote("sqlite:////home/me/mlflow.db")


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", ""])
def test_a_port_that_is_none(port: str):
    with pytest.raises(Refused, match="--prefect-port is"):
        pages.main(prefect_port=port)


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Refused, match=f"Port {port} for Prefect is already in use"):
            pages.main(prefect_port=str(port), mlflow_port=str(free_port()))


def test_both_pages_on_one_port():
    with pytest.raises(Refused, match="Both pages cannot use port 4200"):
        pages.main(mlflow_port="4200")


def test_the_address_is_valid_json(hone_home: Path):
    with access.announce(access.Server("http://127.0.0.1:4200/api", 'a"key')):
        assert json.loads(access.address_file().read_text())["key"] == 'a"key'
