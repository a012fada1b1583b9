"""Which failures are repeated, when, and what they cost."""

from __future__ import annotations

import pytest

from hone.llm import retry_policy
from hone.llm.retry_policy import delay, is_temporary, temporary_failure


@pytest.mark.parametrize(
    ("code", "temporary"),
    [(400, False), (401, False), (404, False), (408, True), (409, True), (429, True), (500, True)],
)
def test_statuses(code: int, temporary: bool):
    assert is_temporary(code) is temporary


def test_only_an_overloaded_server_has_certainly_done_nothing():
    overloaded, gateway = (
        temporary_failure(429, "slow down", "7"),
        temporary_failure(504, "timed out", "7"),
    )
    assert (overloaded.free, overloaded.overloaded, overloaded.wait) == (True, True, 7.0)
    assert (gateway.free, gateway.overloaded, gateway.wait) == (False, False, None)


def test_the_longest_delay_doubles_with_each_attempt(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retry_policy.random, "uniform", lambda low, high: high)
    assert [delay(attempt, 0.5) for attempt in (1, 2, 3)] == [0.5, 1.0, 2.0]
