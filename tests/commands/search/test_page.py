"""The search page: it answers its own page only, escapes every text, and needs no script."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from urllib.parse import urlencode

import pytest

from commands.search.command import open_searcher
from commands.search.page import SearchPage
from hone.errors import Refused
from hone.loopback import Answer, open_server
from tests.commands.search.searched import searched
from tests.report.test_page import HOSTILE, Elements


@contextmanager
def served(render) -> Iterator[int]:
    server = open_server(render, 0)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def ask(
    port: int, target: str = "/", method: str = "GET", **headers: str
) -> tuple[int, http.client.HTTPMessage, str]:
    """Status, headers and body. The header `Host` names the server unless it is given."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, target, skip_host=True)
    for name, value in ({"Host": f"127.0.0.1:{port}"} | headers).items():
        if value:
            connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read().decode()


def plain(fields: dict[str, str]) -> Answer:
    return Answer(f"fields {sorted(fields.items())}", "default-src 'none'")


FOREIGN = {
    "another host name that leads here": {"Host": "evil.example"},
    "the right name with another port": {"Host": "127.0.0.1:1"},
    "no host": {"Host": ""},
    "another origin": {"Origin": "https://evil.example"},
    "an opaque origin": {"Origin": "null"},
    "a search that another site starts": {"Sec_Fetch_Site": "cross-site"},
    "a search by another page of this machine": {"Sec_Fetch_Site": "same-site"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_page_gets_nothing(headers: dict[str, str]):
    with served(plain) as port:
        status, _, body = ask(port, "/?q=secret", **headers)
    assert status == 403
    assert "secret" not in body


def test_its_own_page_is_answered():
    with served(plain) as port:
        for headers in (
            {},
            {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"},
            {"Origin": f"http://127.0.0.1:{port}", "Sec_Fetch_Site": "same-origin"},
            {"Sec_Fetch_Site": "none"},
        ):
            status, found, body = ask(port, "/?q=a+b&q=c", **headers)
            assert (status, body) == (200, "fields [('q', 'a b')]")
        assert "access-control-allow-origin" not in found
        assert found["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in found["Content-Security-Policy"]
        assert ask(port, Sec_Fetch_Site="cross-site")[0] == 200  # a link to the empty page


def test_other_paths_methods_and_long_queries_are_refused():
    with served(plain) as port:
        assert ask(port, "/etc/passwd")[0] == 404
        assert ask(port, "http://evil.example/")[0] == 404
        assert ask(port, "/", method="POST")[0] == 501
        assert ask(port, "/?q=" + "x" * 9000)[0] == 414
        assert ask(port, "/?" + "&".join(f"f{n}=1" for n in range(50)))[2] == "fields []"
        assert ask(port, "/?q=a", method="HEAD")[2] == ""


def test_a_port_in_use_is_refused():
    with served(plain) as port, pytest.raises(Refused, match=f"Port {port} of 127.0.0.1"):
        open_server(plain, port)


@pytest.fixture
def page(workspace) -> SearchPage:
    documents = [
        {"doc_id": f"d{number}<b>", "title": HOSTILE, "text": f"stone {number} \x1b[2J"}
        for number in range(6)
    ] + [{"doc_id": f"d{number}", "text": "red stone"} for number in range(6)]
    searched(documents=documents)
    return SearchPage(open_searcher("ours", ["r0", "r1"]), "ours", 1, 10)


def test_texts_ids_and_queries_are_escaped(page: SearchPage):
    found = Elements(page.answer({"q": HOSTILE}).text)
    tags = [tag for tag, _ in found.tags]
    assert "script" not in tags
    assert "img" not in tags
    assert found.text.count("</script><script>alert(1)</script>") >= 12
    (query,) = [given for tag, given in found.tags if tag == "input"]
    assert query["value"] == HOSTILE
    assert "\x1b" not in found.text


def test_control_characters_of_a_query_are_removed(page: SearchPage):
    for query in ("red\x00 \x1b[2J\u202e cat", "\x00"):
        text = page.answer({"q": query}).text
        assert not {"\x00", "\x1b", "\u202e"} & set(text)


def test_it_loads_nothing_and_permits_its_own_style_only(page: SearchPage):
    answer = page.answer({"q": "q2"})
    targets = {
        value
        for _, given in Elements(answer.text).tags
        for name, value in given.items()
        if name in ("src", "href", "action", "srcset", "data", "poster", "style")
    }
    assert targets <= {"/", "#results", "#list-1", "#list-2"}
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.policy
    assert "script-src" not in answer.policy
    assert "unsafe" not in answer.policy


def test_a_labelled_query_shows_moves_and_labels(page: SearchPage):
    text = " ".join(Elements(page.answer({"q": "q2"}).text).text.split())
    assert "Query q2 of the collection, 1 label." in text
    assert "relevant (1)" in text


def test_examples_are_labelled_queries_and_lead_to_their_search(page: SearchPage):
    start = page.answer({})
    assert "Green small dog?" in Elements(start.text).text
    assert urlencode({"q": "Green small dog?"}) in start.text


def test_the_whole_page_is_served(page: SearchPage):
    with served(page.answer) as port:
        status, found, body = ask(port, "/?q=q2")
    assert (status, found["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "Search ours" in body
