"""Addresses and keys: refused before any work where they cannot be meant, and told nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from hone.config import params
from hone.config.recipe import check
from hone.errors import Refused
from hone.llm import chat_completion
from hone.llm.budget import Budget
from hone.llm.client import complete
from hone.llm.completion import Endpoint
from hone.urls import at_home, refuse_secrets, secret, variable, without_secrets
from tests.hone.llm.unruly import always, completion, endpoint, heard, serving

SECRET = "sk-this-is-the-very-secret"


def test_no_proxy_for_this_machine(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(always("well")) as server:
        (reply,) = heard(server)
    assert reply.fault is None


def test_a_key_that_is_not_set_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("A_KEY", raising=False)
    with pytest.raises(
        Refused, match=r"environment variable A_KEY, which is not set. Run `export A_KEY="
    ):
        list(
            complete(
                Endpoint(url="http://127.0.0.1:9/v1", model="m", key="A_KEY"),
                nothing_is_taken(),
                Budget(),
            )
        )


@pytest.mark.parametrize("value", [SECRET + "\n", "sk with blanks", "sk-ключ"])
def test_an_invalid_key_is_refused_and_not_printed(value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("A_KEY", value)
    with pytest.raises(Refused, match="A_KEY") as refusal:
        list(
            complete(
                Endpoint(url="http://127.0.0.1:9/v1", model="m", key="A_KEY"),
                nothing_is_taken(),
                Budget(),
            )
        )
    assert value.strip() not in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:80/v1", "ftp://a/v1", "http://", "http://a:port/v1", "http://[::1/v1"]
)
def test_an_address_that_is_none_is_refused(url: str):
    with pytest.raises(Refused, match="is not an endpoint URL"):
        list(complete(Endpoint(url=url, model="m"), nothing_is_taken(), Budget()))


def nothing_is_taken():
    raise AssertionError("a call was taken before the endpoint was checked")
    yield


@pytest.mark.parametrize(
    "way",
    [(500, {}, SECRET.encode()), SECRET.encode(), completion(SECRET), completion(model=SECRET)],
)
def test_the_key_is_never_printed(
    way: object, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
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
    with (
        serving(always("well")) as other,
        serving(always((307, {"Location": f"{other.url}/chat/completions"}, b""))) as server,
    ):
        (reply,) = heard(server, key="A_KEY")
    assert reply.fault.startswith("broken: status 307")
    assert not other.attempts


OPENAI = {
    "OPENAI_API_KEY": "sk-of-another-vendor",
    "OPENAI_ADMIN_KEY": "sk-of-an-admin",
    "OPENAI_ORG_ID": "org-of-another",
    "OPENAI_PROJECT_ID": "proj-of-another",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    "OPENAI_WEBHOOK_SECRET": "whsec-of-another",
    "OPENAI_CUSTOM_HEADERS": "X-Gateway-Key: of-another\nAuthorization: Bearer "
    "sk-of-another-vendor",
}
SENT = {
    "host",
    "accept",
    "accept-encoding",
    "connection",
    "user-agent",
    "content-type",
    "content-length",
}


@pytest.mark.parametrize("key", [None, "A_KEY"])
def test_the_environment_of_another_client_changes_no_request(
    key: str | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("A_KEY", SECRET)
    for name, value in OPENAI.items():
        monkeypatch.setenv(name, value)
    with serving(always("well")) as server:
        (reply,) = heard(server, key=key)
    assert reply.text == "yes"
    assert server.headers.keys() == SENT | ({"authorization"} if key else set())
    assert server.headers.get("authorization") == (f"Bearer {SECRET}" if key else None)
    assert "another" not in repr(server.headers)


@pytest.mark.parametrize("before", range(60, 90))
def test_a_key_at_any_place_of_what_is_no_answer_leaves_no_part_behind(before: int):
    with pytest.raises(chat_completion.NotOne) as error:
        chat_completion.completion(b"x" * before + SECRET.encode() + b" and more", SECRET)
    assert SECRET[:4] not in str(error.value)


SPELLINGS = {
    "json": "".join(f"\\u{ord(letter):04x}" for letter in SECRET),
    "mixed": SECRET.replace("-", "\\u002D"),
    "address": quote(SECRET, safe="").replace("-", "%2d"),
    "address of an address": SECRET.replace("-", "%252D"),
    "page": "".join(f"&#{ord(letter)};" for letter in SECRET),
    "page in hexadecimal": SECRET.replace("-", "&#x2D;"),
    "python": "".join(f"\\x{ord(letter):02x}" for letter in SECRET),
    "json in json": json.dumps(json.dumps(SECRET.replace("-", "\\u002d"))),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_key_is_struck_out_however_it_is_spelt(spelling: str):
    cleaned = chat_completion.clean(
        f"the key {SPELLINGS[spelling]} is wrong, 100 % of \\n it", SECRET
    )
    assert "the key " in cleaned
    assert "***" in cleaned
    assert "very" not in cleaned
    assert "".join(f"{ord(letter):02x}" for letter in "very") not in cleaned
    assert cleaned.endswith(" is wrong, 100 % of \\n it")


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-THIS-IS-THE-KEY",
        "AIzaSyD4fakefakefakefakefakefakefake0",
        "gsk_lowercaseLETTERS0123",
        "0123456789ABCDEF",
        "0123 4567",
        "",
        "ABCDEF0123456789ABCDEF0123456789",
    ],
)
def test_a_key_that_is_pasted_is_refused_and_not_repeated(key: str):
    for refusing in (
        lambda: variable(key),
        lambda: secret("https://host/v1", key),
        lambda: Endpoint("https://host/v1", "m", key).secret(),
    ):
        with pytest.raises(Refused, match="is not the name of an environment variable") as refusal:
            refusing()
        assert not key or key not in str(refusal.value)


def test_a_text_of_many_escapes_is_cleaned_in_the_end():
    for text in ("\\" * 300_000, "%25" * 100_000, "&#0" * 100_000, "sk" * 150_000 + "%"):
        assert chat_completion.clean(text, SECRET) == text


def test_a_variable_that_is_set_may_be_called_anything(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("my_key", SECRET)
    assert secret("https://host/v1", "my_key") == SECRET


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ({"url": f"https://me:{SECRET}@host/v1"}, "contains a user, a password"),
        ({"url": f"https://host/v1?api_key={SECRET}"}, "contains a user, a password"),
        ({"url": f"https://host/v1#{SECRET}"}, "contains a user, a password"),
        ({"url": "https://host/v1", "key": SECRET}, "not the name of an environment variable"),
        ({"url": "http://host/v1", "key": "A_KEY"}, "is not encrypted"),
        (
            {"url": "http://10.0.0.5:8000/v1", "key": "A_KEY", "plain_http": False},
            "is not encrypted",
        ),
    ],
)
@pytest.mark.parametrize("place", ["judges", "references", "rounds"])
def test_secrets_in_params_are_refused_when_the_file_is_read(
    workspace: Path, line: dict, what: str, place: str
):
    endpoint = {"model": "m", **line}
    settings = {
        "judges": {"judges": {"mine": {"endpoint": endpoint}}},
        "references": {"references": {"mine": {"endpoint": endpoint}}},
        "rounds": {
            "rounds": {
                "r1": {
                    "from": "r0",
                    "recipe": "default",
                    "relabel": {"cascade": [{"judge": {"endpoint": endpoint}}]},
                }
            }
        },
    }[place]
    given = {
        "collections": {"c": {"source": "folder", "path": "inputs/c"}},
        "train_on": ["c"],
        "evaluate_on": ["c"],
        "rounds": {"r1": {"from": "r0", "recipe": "default"}},
    }
    Path("params.yaml").write_text(json.dumps(given | settings))
    with pytest.raises(Refused, match=what) as refusal:
        params.read()
    assert str(refusal.value).startswith(f"params.yaml.{place}")
    assert SECRET not in str(refusal.value)


def test_a_line_that_is_no_yaml_is_not_quoted(workspace: Path):
    Path("params.yaml").write_text(
        f'seed: 1\njudges: {{mine: {{endpoint: {{key: "{SECRET}" x}}}}}}\n'
    )
    with pytest.raises(
        Refused, match="params.yaml, line 2 is not valid YAML: expected ',' or '}'"
    ) as refusal:
        params.read()
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    "line", [{"url": f"https://me:{SECRET}@host/v1"}, {"url": "https://host/v1", "key": SECRET}]
)
def test_secrets_in_a_recipe_are_refused_when_it_is_read(workspace: Path, line: dict):
    """A judge that a recipe describes itself keeps its address in what `resolve` writes."""
    cascade = [{"judge": {"endpoint": {"model": "m", **line}}}]
    Path("mine.yaml").write_text(
        json.dumps({"about": "x", "relabel": {"cascade": cascade, "action": "drop"}})
    )
    with pytest.raises(Refused, match="mine.yaml.relabel.cascade.1.judge.endpoint: ") as refusal:
        check(Path("mine.yaml"))
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    "value",
    [
        {"url": 5, "model": "m", "key": 1234567890123},
        {"url": "https://host/v1", "model": "m", "key": [SECRET]},
    ],
)
def test_a_key_of_another_type_is_not_repeated_either(workspace: Path, value: dict):
    given = {
        "collections": {"c": {"source": "folder", "path": "inputs/c"}},
        "train_on": ["c"],
        "evaluate_on": ["c"],
        "rounds": {"r1": {"from": "r0", "recipe": "default"}},
        "references": {"mine": {"endpoint": value}},
    }
    Path("params.yaml").write_text(json.dumps(given))
    with pytest.raises(Refused) as refusal:
        params.read()
    assert "1234567890123" not in str(refusal.value)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    "given",
    [
        {"mine": {"endpoint": f"https://me:{SECRET}@host/v1"}},
        [f"postgresql+psycopg://me:{SECRET}@host/db"],
    ],
)
def test_an_address_with_a_password_is_refused_wherever_it_stands(given: object):
    with pytest.raises(Refused, match="contains a user or a password") as refusal:
        refuse_secrets(given, "params.yaml")
    assert SECRET not in str(refusal.value)
    refuse_secrets(
        {"about": "see https://host/a@b and mail@host", "path": "inputs/a@b"}, "params.yaml"
    )


def test_a_key_may_go_unprotected_where_that_is_allowed_or_nobody_listens(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("A_KEY", SECRET)
    for url, plain in (
        ("http://host/v1", True),
        ("http://localhost:8000/v1", False),
        ("https://host/v1", False),
    ):
        refuse_secrets({"url": url, "key": "A_KEY", "plain_http": plain}, "here")
        assert secret(url, "A_KEY", plain) == SECRET
    refuse_secrets({"url": "http://host/v1", "key": None}, "here")
    with pytest.raises(Refused, match="is not encrypted"):
        list(
            complete(
                Endpoint(url="http://host/v1", model="m", key="A_KEY"), nothing_is_taken(), Budget()
            )
        )


@pytest.mark.parametrize(
    ("host", "home"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("localhost.", True),
        ("judge.localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("0.0.0.0", True),
        ("[::1]", True),
        ("[::]", True),
        ("[::ffff:127.0.0.1]", True),
        ("127.1", True),
        ("2130706433", True),
        ("0x7f000001", True),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
        ("128.0.0.1", False),
        ("[2001:db8::1]", False),
        ("127.0.0.1.example.com", False),
        ("0x7f.example", False),
        ("8.8.8.8", False),
    ],
)
def test_which_addresses_are_of_this_machine(host: str, home: bool):
    assert at_home(f"http://{host}:8080/v1") is home


@pytest.mark.parametrize(
    "message",
    [
        "cannot reach postgresql://me:p%40ss word@host/db?sslpassword=of-mine",
        "user me:p%40ss word",
        "p@ss word",
        "me:p@ss word of-mine",
    ],
)
def test_a_message_of_another_library_loses_what_is_secret_in_an_address(message: str):
    cleaned = without_secrets(message, "postgresql://me:p%40ss word@host/db?sslpassword=of-mine")
    assert "ss word" not in cleaned
    assert "of-mine" not in cleaned
    assert ("host" in cleaned) == ("host" in message)


def test_an_address_with_a_password_sends_nothing(monkeypatch: pytest.MonkeyPatch):
    with (
        serving(always("well")) as server,
        pytest.raises(Refused, match="contains a user, a password") as refusal,
    ):
        list(
            complete(
                Endpoint(url=server.url.replace("//", f"//me:{SECRET}@"), model="m"),
                nothing_is_taken(),
                Budget(),
            )
        )
    assert SECRET not in str(refusal.value)
    assert not server.attempts
