"""Addresses and keys: refused before any work where they cannot be meant, and told nowhere."""

from __future__ import annotations

import pytest

from tasks.errors import Refused
from tasks.relabel.budget import Budget
from tasks.relabel.client import Endpoint, ask_all
from tests.relabel.unruly import always, completion, endpoint, heard, serving

SECRET = "sk-this-is-the-very-secret"


def test_no_proxy_for_this_machine(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(always("well")) as server:
        (reply,) = heard(server)
    assert reply.fault is None


def test_a_key_that_is_not_set_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("A_KEY", raising=False)
    with pytest.raises(Refused, match=r"environment variable A_KEY, which is not set: export A_KEY="):
        ask_all(Endpoint(url="http://user:pass@127.0.0.1:9/v1?k=1", model="m", key="A_KEY"), nothing_is_taken(), Budget(), print)


@pytest.mark.parametrize("value", [SECRET + "\n", "sk with blanks", "sk-ключ"])
def test_a_key_that_cannot_be_one_is_refused_without_being_told(value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("A_KEY", value)
    with pytest.raises(Refused, match="A_KEY") as refusal:
        ask_all(Endpoint(url="http://127.0.0.1:9/v1", model="m", key="A_KEY"), nothing_is_taken(), Budget(), print)
    assert value.strip() not in str(refusal.value)


@pytest.mark.parametrize("url", ["", "127.0.0.1:80/v1", "ftp://a/v1", "http://", "http://a:port/v1", "http://[::1/v1"])
def test_an_address_that_is_none_is_refused(url: str):
    with pytest.raises(Refused, match="is no address of an endpoint"):
        ask_all(Endpoint(url=url, model="m"), nothing_is_taken(), Budget(), print)


def nothing_is_taken():
    raise AssertionError("a call was taken before the endpoint was checked")
    yield


@pytest.mark.parametrize("way", [(500, {}, SECRET.encode()), SECRET.encode(), completion(SECRET), completion(model=SECRET)])
def test_the_key_is_never_told(way: object, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    monkeypatch.setenv("A_KEY", SECRET)
    with serving(always(way)) as server:
        replies = heard(server, 20, key="A_KEY", expected="other")
        assert SECRET not in repr(endpoint(server.url, key="A_KEY"))
    assert len(replies) == 20
    assert SECRET not in repr(replies)
    assert SECRET not in "".join(capfd.readouterr())


def test_a_short_key_is_no_word_to_strike_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("A_KEY", "e")
    with serving(always("well")) as server:
        (reply,) = heard(server, key="A_KEY")
    assert reply.text == "yes"


def test_a_redirection_is_not_followed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("A_KEY", SECRET)
    with serving(always("well")) as other, serving(always((307, {"Location": f"{other.url}/chat/completions"}, b""))) as server:
        (reply,) = heard(server, key="A_KEY")
    assert reply.fault.startswith("broken: status 307")
    assert not other.attempts
