"""What rounds are held against is refused before anything works where it never could."""

from __future__ import annotations

from pathlib import Path

import pytest

from hone.config import params
from hone.errors import Refused
from tasks.resolve.reference_models import resolved
from tests.prepared import write_params


def made(**endpoint: str) -> dict:
    write_params(
        compare_with=["r0", "theirs"],
        references={"theirs": {"endpoint": {"model": "m"} | endpoint}},
    )
    return resolved(params.read(), "theirs")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "'the url' is not an endpoint URL"),
        ("http://127.0.0.1:99999/v1", "is not an endpoint URL"),
        ("http://me:hidden@127.0.0.1:9/v1", "http://127.0.0.1:9/v1 contains a user, a password"),
        ("http://127.0.0.1:9/v1?key=hidden", "http://127.0.0.1:9/v1 contains a user, a password"),
    ],
)
def test_an_address_that_is_none_or_holds_a_secret(workspace: Path, url: str, message: str):
    with pytest.raises(Refused, match=message) as refusal:
        made(url=url)
    assert "hidden" not in str(refusal.value)


def test_a_key_that_is_not_set(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("THEIR_KEY", raising=False)
    with pytest.raises(Refused, match="environment variable THEIR_KEY, which is not set"):
        made(url="http://127.0.0.1:9/v1", key="THEIR_KEY")
    monkeypatch.setenv("THEIR_KEY", "sk-secret")
    assert "sk-secret" not in str(made(url="http://127.0.0.1:9/v1", key="THEIR_KEY"))
