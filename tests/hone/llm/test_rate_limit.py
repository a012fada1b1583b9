"""The pace of calls: halved once for calls that were under way together, one more for each round
of calls that went well.
"""

from __future__ import annotations

import asyncio
import time

from hone.llm.rate_limit import Load, Pace


def test_calls_that_were_under_way_together_halve_the_pace_once():
    pace = Pace(Load(32))
    sent = time.monotonic()
    for _ in range(32):
        pace.load.overloaded(sent, None)
    assert pace.slots == 16
    pace.load.overloaded(time.monotonic(), None)
    assert pace.slots == 8


def test_one_call_at_once_is_the_least():
    pace = Pace(Load(4))
    for _ in range(10):
        pace.load.overloaded(time.monotonic(), None)
    assert pace.slots == 1


def test_a_round_of_calls_that_went_well_gives_one_more_and_never_more_than_the_most():
    pace = Pace(Load(32))
    pace.load.overloaded(time.monotonic(), None)
    for _ in range(17):
        pace.load.well()
    assert pace.slots == 17
    for _ in range(1000):
        pace.load.well()
    assert pace.load.limit == 32


def test_never_more_at_once_than_slots_and_everyone_has_a_turn():
    pace, seen, done = Pace(Load(8)), [], []

    async def work(number: int) -> None:
        async with pace.turn():
            seen.append(pace.under_way)
            await asyncio.sleep(0)
            if number == 5:
                pace.load.overloaded(time.monotonic(), None)
            done.append(number)

    async def all_of_them() -> None:
        await asyncio.gather(*(work(number) for number in range(100)))

    asyncio.run(all_of_them())
    assert sorted(done) == list(range(100))
    assert max(seen) == 8
    assert max(seen[30:]) == 4
    assert pace.under_way == 0


def test_a_pause_is_waited_out_by_all():
    pace, begun = Pace(Load(4)), []

    async def work() -> None:
        async with pace.turn():
            begun.append(time.monotonic())

    async def all_of_them() -> None:
        pace.load.overloaded(time.monotonic(), 0.1)
        await asyncio.gather(*(work() for _ in range(6)))

    asyncio.run(all_of_them())
    assert len(begun) == 6
    assert min(begun) >= pace.load.free_at


def test_one_who_is_cancelled_gives_the_turn_back():
    pace = Pace(Load(1))

    async def work() -> None:
        async with pace.turn():
            await asyncio.sleep(3600)

    async def both() -> None:
        first, second = asyncio.create_task(work()), asyncio.create_task(work())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await asyncio.sleep(0.01)
        assert pace.under_way == 1
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)

    asyncio.run(both())
    assert pace.under_way == 0
