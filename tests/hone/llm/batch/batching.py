"""Calls in batches as a test makes them: answered, left behind, and what is left of them."""

from __future__ import annotations

from hone.llm.batch import jobs
from hone.llm.batch.runner import ask_batch
from hone.llm.budget import Budget
from hone.llm.client import Call, Reply
from hone.llm.endpoint_state import HABITS, habits
from tests.hone.llm.batch.made_up_vendor import Vendor
from tests.hone.llm.unruly import call, endpoint

SECRET = "sk-this-is-the-very-secret"
IDLE = {"pairs": 0, "tokens": 0, "money": 0}


def collected(vendor: Vendor, numbers: object = 1, budget: Budget | None = None, met: bool = True, expected: str | None = None,
              most: int = 10_000, calls: list[Call] | None = None, **more: object) -> dict[int, Reply]:  # fmt: skip
    """The replies by number, as a process hears them; `met`: the endpoint has answered it before."""
    where = endpoint(vendor.url, **more)
    HABITS.clear()
    habits(where).heard = met
    replies: list[Reply] = []
    numbers = range(numbers) if isinstance(numbers, int) else numbers
    ask_batch(where, calls or map(call, numbers), budget or Budget(), replies.append, expected, poll=0.01, most=most)
    assert len({reply.call.number for reply in replies}) == len(replies)
    return {reply.call.number: reply for reply in replies}


def abandoned(vendor: Vendor, **more: object) -> tuple[dict[int, Reply], Budget]:
    """Ten calls in a batch that is not waited for: the time is up as soon as it has been submitted."""
    now = [0.0]
    budget = Budget(minutes=1, clock=lambda: now[0])

    def calls():
        yield from map(call, range(10))
        now[0] = 61.0

    return collected(vendor, budget=budget, calls=calls(), **more), budget


def state() -> list[str]:
    return sorted(path.suffix for path in jobs.folder().glob("*"))


def faults(replies: dict[int, Reply]) -> dict[int, str]:
    return {number: reply.fault for number, reply in replies.items() if reply.fault}
