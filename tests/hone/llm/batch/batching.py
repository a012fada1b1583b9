"""Calls in batches as a test makes them: answered, left behind, and what is left of them."""

from __future__ import annotations

from hone.llm.batch import jobs
from hone.llm.batch.runner import complete_in_batches
from hone.llm.budget import Budget
from hone.llm.completion import Completion, Request
from hone.llm.endpoint_state import HABITS, habits
from tests.hone.llm.batch.made_up_vendor import Vendor
from tests.hone.llm.unruly import call, endpoint, flat

SECRET = "sk-this-is-the-very-secret"
IDLE = {"pairs": 0, "tokens": 0, "money": 0}


def collected(
    vendor: Vendor,
    numbers: object = 1,
    budget: Budget | None = None,
    met: bool = True,
    expected: str | None = None,
    most: int = 10_000,
    calls: list[Request] | None = None,
    **more: object,
) -> dict[int, Completion]:
    """The replies by number, as a process hears them; `met`: the endpoint has answered it
    before.
    """
    where = endpoint(vendor.url, **more)
    HABITS.clear()
    habits(where).heard = met
    numbers = range(numbers) if isinstance(numbers, int) else numbers
    replies = flat(
        complete_in_batches(
            where, calls or map(call, numbers), budget or Budget(), expected, poll=0.01, most=most
        )
    )
    assert len({reply.request.number for reply in replies}) == len(replies)
    return {reply.request.number: reply for reply in replies}


def abandoned(vendor: Vendor, **more: object) -> tuple[dict[int, Completion], Budget]:
    """Ten calls in a batch that is not waited for: the time is up as soon as it has been
    submitted.
    """
    now = [0.0]
    budget = Budget(minutes=1, clock=lambda: now[0])

    def calls():
        yield from map(call, range(10))
        now[0] = 61.0

    return collected(vendor, budget=budget, calls=calls(), **more), budget


def state() -> list[str]:
    return sorted(path.suffix for path in jobs.folder().glob("*"))


def faults(replies: dict[int, Completion]) -> dict[int, str]:
    return {number: reply.fault for number, reply in replies.items() if reply.fault}
