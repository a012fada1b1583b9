"""A page for this machine's user: a server on the loopback interface that answers its own page
only.

Any web page that is open in a browser can send requests to 127.0.0.1. Therefore, the Host header
must name this server, which also prevents DNS rebinding, and an Origin header must be the server's
own. Searches that another site starts are refused too (`Sec-Fetch-Site`). Answers are never cached
and never shown in frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from hone.errors import Refused

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
OWN_SITE = ("same-origin", "none")  # a form of the page itself, or an address that the user typed
SECONDS = 30  # in which a client must send its request
LONGEST = 8_192  # characters of a request's target
MOST_FIELDS = 10


@dataclass(frozen=True)
class Answer:
    """An HTML page with its status and its content security policy."""

    text: str
    policy: str
    status: HTTPStatus = HTTPStatus.OK


Render = Callable[[dict[str, str]], Answer]


def find_objection(headers: Message, target: str, port: int) -> str | None:
    """Why a request is refused. Null if it comes from the server's own page or the address bar.

    Args:
        headers: the headers of the request.
        target: its path and query.
        port: the server's port.
    """
    hosts = [f"{name}:{port}" for name in NAMES]
    if headers.get_all("Host", []) not in [[host] for host in hosts]:
        return f"The Host header is not {hosts[0]}."
    if any(
        one not in {f"http://{host}" for host in hosts} for one in headers.get_all("Origin", [])
    ):
        return "The request comes from another origin."
    if urlsplit(target).query and any(
        site not in OWN_SITE for site in headers.get_all("Sec-Fetch-Site", [])
    ):
        return "Another site started this search. Type it into the page."
    return None


def open_server(render: Render, port: int) -> ThreadingHTTPServer:
    """A server on 127.0.0.1 for one page, whose form uses GET. The caller starts it.

    Args:
        render: the page for the fields of its form.
        port: 0 selects a free port.

    Raises:
        Refused: the port is in use.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = SECONDS

        def do_GET(self) -> None:
            self.respond()

        def do_HEAD(self) -> None:
            self.respond()

        def respond(self) -> None:
            reason = find_objection(self.headers, self.path, self.server.server_address[1])
            if reason is not None:
                self.write_plain(HTTPStatus.FORBIDDEN, reason)
            elif len(self.path) > LONGEST:
                self.write_plain(HTTPStatus.REQUEST_URI_TOO_LONG, "The query is too long.")
            elif not self.path.startswith("/") or urlsplit(self.path).path != "/":
                self.write_plain(HTTPStatus.NOT_FOUND, "This server has one page: /")
            else:
                answer = render(fields_of(self.path))
                self.write(answer.status, "text/html", answer.text, answer.policy)

        def write_plain(self, status: HTTPStatus, text: str) -> None:
            self.write(status, "text/plain", f"{text}\n", "default-src 'none'")

        def write(self, status: HTTPStatus, kind: str, text: str, policy: str) -> None:
            body = text.encode("utf-8", "backslashreplace")
            self.send_response(status)
            for name, value in {
                "Content-Type": f"{kind}; charset=utf-8",
                "Content-Length": str(len(body)),
                "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Cross-Origin-Opener-Policy": "same-origin",
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-store",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def version_string(self) -> str:
            return "hone"

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is logged, because queries may be private."""

    try:
        server = ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        raise Refused(
            f"Port {port} of {HOST} cannot be used ({error.strerror}). Use another --port."
        ) from None
    server.daemon_threads = True
    return server


def fields_of(target: str) -> dict[str, str]:
    """The fields of a GET form. The first value counts. An invalid query has none."""
    try:
        found = parse_qs(urlsplit(target).query, errors="replace", max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}
