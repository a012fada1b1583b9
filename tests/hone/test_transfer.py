"""What leaves the machine is said once, and never with a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.transfer import Transfer, announce

SENT = Transfer(
    "judge strong",
    "https://api.example.com/v1",
    "big",
    "EXAMPLE_KEY",
    "ours",
    "training queries",
    "at most 5 of money",
)


def other(**changes: object) -> Transfer:
    return Transfer(**{**SENT.__dict__, **changes})


def test_a_transfer_names_the_endpoint_the_texts_the_cost_and_the_variable_of_the_key(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("EXAMPLE_KEY", "sk-secret")
    assert SENT.describe() == (
        "judge strong sends texts of collection ours to https://api.example.com/v1, outside this "
        "machine (model big, the key is in EXAMPLE_KEY). Texts: training queries. Cost: at most 5 "
        "of money."
    )
    local = other(url="http://127.0.0.1:8080/v1", key=None).describe()
    assert "an address of this machine (model big, no key is sent)" in local


def test_each_endpoint_and_collection_is_announced_once(capsys: pytest.CaptureFixture[str]):
    announce([SENT, SENT], "relabel r1")
    assert capsys.readouterr().err.count("relabel r1: judge strong sends texts") == 1
    announce([other(sender="judge again")], "relabel r2")
    assert capsys.readouterr().err == ""
    changes = ({"url": "https://b.example.com/v1"}, {"model": "small"}, {"collection": "theirs"})
    for change in changes:
        announce([other(**change)], "relabel r2")
        assert "sends texts" in capsys.readouterr().err


SECRETS = st.text(alphabet="0123456789ABCDEF", min_size=12)


@given(SECRETS, SECRETS)
def test_no_password_and_no_query_of_a_url_is_shown(password: str, token: str):
    url = f"https://me:{password}@api.example.com/v1?token={token}"
    shown = other(url=url).describe()
    assert password not in shown
    assert token not in shown
