"""The budget is a hard stop: whatever calls do, and in whatever order, it is never exceeded and
nothing stays held.
"""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.llm.budget import Budget


def test_no_limit_is_none():
    budget = Budget()
    assert budget.reserve(10**9, 10**12, 1e9) is not None
    assert budget.over is None


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"pairs": 1000}, "the budget of 1,000 pairs is used up"),
        ({"tokens": 1000}, "the budget of 1,000 tokens is used up"),
        ({"money": 2.5}, "the budget of 2.5 of money is used up"),
    ],
)
def test_the_limit_that_ended_it_is_named(limit: dict[str, float], message: str):
    budget = Budget(**limit)
    assert budget.reserve(1001, 1001, 2.6) is None
    assert budget.over == message


def test_what_is_reserved_counts_until_it_is_settled():
    budget = Budget(tokens=100)
    first = budget.reserve(1, 60, 0)
    assert budget.waits(1, 60, 0)
    assert not budget.waits(1, 101, 0)
    budget.settle(first, 30, 0)
    assert not budget.waits(1, 60, 0)
    assert budget.reserve(1, 60, 0) is not None
    assert budget.spent == {"pairs": 1, "tokens": 30, "money": 0}


def test_a_call_that_does_not_fit_is_the_end():
    budget = Budget(pairs=10)
    assert budget.reserve(11, 0, 0) is None
    assert budget.reserve(1, 0, 0) is None
    assert not budget.waits(1, 0, 0)


def test_three_calls_at_a_tenth_fit_into_three_tenths():
    budget = Budget(money=0.3)
    assert all(budget.reserve(1, 0, 0.1) for _ in range(3))
    assert budget.reserve(1, 0, 0.1) is None


def test_free_calls_fit_into_no_money():
    budget = Budget(money=0)
    assert budget.reserve(1, 10, 0.0) is not None
    assert budget.reserve(1, 10, 0.01) is None


def test_minutes_count_from_the_first_call():
    now = [100.0]
    budget = Budget(minutes=2, clock=lambda: now[0])
    now[0] = 1000.0
    assert budget.reserve(1, 1, 0) is not None
    now[0] = 1119.9
    assert budget.reserve(1, 1, 0) is not None
    now[0] = 1120.0
    assert budget.reserve(1, 1, 0) is None
    assert budget.over == "the budget of 2 minutes is used up"


def test_pairs_that_were_not_judged_after_all_are_free_again():
    budget = Budget(pairs=5)
    budget.settle(budget.reserve(5, 0, 0), 0, 0, pairs=0)
    assert budget.reserve(5, 0, 0) is not None


amounts = st.tuples(st.integers(0, 30), st.integers(0, 300), st.integers(0, 300))
# Reserve this much, or settle the n-th open call at this share of what it may use.
steps = st.lists(st.one_of(amounts, st.tuples(st.integers(0, 50), st.floats(0, 1))), max_size=80)


@given(steps, st.integers(0, 100), st.integers(0, 1000), st.integers(0, 1000))
def test_it_is_never_exceeded_in_any_order(plan: list[tuple], pairs: int, tokens: int, money: int):
    limits = {"pairs": pairs, "tokens": tokens, "money": money}
    budget, open_calls, ended = Budget(pairs=pairs, tokens=tokens, money=money), [], False
    expected = dict.fromkeys(limits, 0)
    for step in plan:
        if len(step) == 3:
            reserved = {name: sum(getattr(call, name) for call in open_calls) for name in limits}
            fits = all(
                expected[name] + reserved[name] + amount <= limits[name]
                for (name, amount) in zip(limits, step, strict=True)
            )
            reservation = budget.reserve(*step)
            ended = ended or not fits
            assert (reservation is None) == ended == (budget.over is not None)
            open_calls += [reservation] if reservation else []
        elif open_calls:
            call = open_calls.pop(step[0] % len(open_calls))
            used = int(call.tokens * step[1]), int(call.money * step[1])
            budget.settle(call, *used)
            for name, amount in zip(limits, (call.pairs, *used), strict=True):
                expected[name] += amount
        assert budget.spent == expected
        assert all(budget.spent[name] <= limit for name, limit in limits.items())
    for call in open_calls:
        budget.settle(call, call.tokens, call.money)
    assert budget._reserved == {"pairs": 0, "tokens": 0, "money": 0}
    assert all(budget.spent[name] <= limit for name, limit in limits.items())


def test_threads_do_not_exceed_it_together():
    budget, start = Budget(tokens=10_000), threading.Barrier(8)
    made = []

    def work() -> None:
        start.wait()
        while (reservation := budget.reserve(1, 7, 0.0)) is not None:
            budget.settle(reservation, 7, 0.0)
            made.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.spent["tokens"] == 7 * len(made)
    # One call may have been refused while another's seven tokens were still held, never more than 8
    # of them.
    assert 10_000 - 8 * 7 <= budget.spent["tokens"] <= 10_000
