"""A budget is a hard stop for all who judge the same questions by the same judges on one ledger,
whenever any of them is killed.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.errors import Refused
from hone.llm.budget import Budget
from hone.llm.ledger.ledger import Ledger
from hone.llm.spending import AMOUNTS, Spending
from tests.hone.llm.ledger.test_ledger import SPAWN, another, run_all

CHEAP, STRONG = "c" * 32, "d" * 32
NOTHING = {"pairs": 0, "tokens": 0, "money": 0}


def budget(
    questions: str = "these",
    attempt: int = 0,
    judges: tuple[str, ...] = (CHEAP,),
    ledger: Ledger | None = None,
    **limits: float,
):
    """A budget as a process has it."""
    return Budget(**limits, spending=Spending(ledger or Ledger(), questions, attempt, judges))


def total(
    questions: str = "these", attempt: int = 0, judges: tuple[str, ...] = (CHEAP,)
) -> dict[str, float]:
    return Spending(Ledger(), questions, attempt, judges).total()


def test_a_second_process_has_what_the_first_has_left():
    first, second = budget(money=5), budget(money=5)
    one = first.of(CHEAP).reserve(2, 100, 3.0)
    assert second.waits(1, 100, 3.0) is False  # what another process holds is not waited for
    assert second.of(CHEAP).reserve(1, 100, 3.0) is None
    assert second.over == "the budget of 5 of money is used up"
    first.settle(one, 40, 1.0)
    assert total() == {"pairs": 2, "tokens": 40, "money": 1.0}
    third = budget(money=5)
    assert third.of(CHEAP).reserve(1, 100, 4.0) is not None
    assert third.of(CHEAP).reserve(1, 100, 0.1) is None


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"pairs": 3}, "the budget of 3 pairs is used up"),
        ({"tokens": 100}, "the budget of 100 tokens is used up"),
        ({"money": 2.5}, "the budget of 2.5 of money is used up"),
    ],
)
def test_the_limit_that_another_process_has_reached_is_named(limit: dict[str, float], message: str):
    assert budget(**limit).of(CHEAP).reserve(3, 100, 2.5)
    late = budget(**limit)
    assert late.of(CHEAP).reserve(1, 1, 0.1) is None
    assert late.over == message


def test_what_calls_of_this_process_leave_over_is_waited_for():
    mine, other = budget(tokens=100), budget(tokens=100)
    first = mine.of(CHEAP).reserve(1, 60, 0)
    theirs = other.of(CHEAP).reserve(1, 30, 0)
    assert mine.waits(1, 60, 0)
    mine.settle(first, 10, 0)
    assert mine.of(CHEAP).reserve(1, 60, 0) is not None
    other.settle(theirs, 30, 0)


def test_other_questions_another_judge_and_a_retry_have_budgets_of_their_own():
    assert budget(pairs=1).of(CHEAP).reserve(1, 0, 0)
    assert budget(pairs=1).of(CHEAP).reserve(1, 0, 0) is None
    assert budget("others", pairs=1).of(CHEAP).reserve(1, 0, 0)
    assert budget(attempt=1, pairs=1).of(CHEAP).reserve(1, 0, 0)
    assert budget(judges=(STRONG,), pairs=1).of(STRONG).reserve(1, 0, 0)


def test_judges_of_a_cascade_share_a_budget_and_a_judge_that_stays_brings_what_it_has_spent():
    both = budget(judges=(CHEAP, STRONG), money=1)
    assert both.of(CHEAP).reserve(1, 0, 0.6)
    assert both.of(STRONG).reserve(1, 0, 0.6) is None
    assert (
        budget(judges=(CHEAP, "e" * 32), money=1).of("e" * 32).reserve(1, 0, 0.6) is None
    )  # the other judge was replaced
    assert total(judges=(CHEAP, STRONG))["money"] == 0.6


def test_a_judge_that_the_cascade_does_not_name_counts_too():
    own = budget(judges=(), money=1)
    assert own.of(CHEAP).reserve(1, 0, 0.6)
    assert own.of(CHEAP).reserve(1, 0, 0.6) is None
    assert total()["money"] == 0.6


def spend_and_be_killed(name: str) -> None:
    import os
    import signal

    budget(name).of(CHEAP).reserve(2, 70, 0.5)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_call_of_a_killed_process_counts_as_spent_for_good():
    process = SPAWN.Process(target=spend_and_be_killed, args=("these",))
    process.start()
    process.join()
    assert total() == {"pairs": 2, "tokens": 70, "money": 0.5}
    spending = Spending(Ledger(), "these", 0, (CHEAP,))
    assert spending.reserved() == {"pairs": 2, "tokens": 70, "money": 0.5}
    assert budget(money=0.9).of(CHEAP).reserve(1, 1, 0.5) is None


def test_without_limits_what_is_spent_is_noted_for_a_run_that_has_some():
    free = budget()
    free.settle(free.of(CHEAP).reserve(1, 100, 1.0), 80, 0.75)
    assert total() == {"pairs": 1, "tokens": 80, "money": 0.75}
    assert budget(money=1).of(CHEAP).reserve(1, 1, 0.5) is None


def test_what_runs_of_earlier_versions_have_spent_comes_on_top():
    later = budget(money=1)
    later.begun_with({"pairs": 3, "tokens": 9, "money": 0.5})
    assert later.of(CHEAP).reserve(1, 1, 0.6) is None
    again = budget(money=1)
    again.begun_with({"pairs": 3, "tokens": 9, "money": 0.5})
    assert again.of(CHEAP).reserve(1, 1, 0.5) is not None
    assert total()["money"] == 0.5  # only what is new is noted
    assert again.of(CHEAP).reserve(1, 1, 0.01) is None


# A call that goes on at a vendor when its process ends.


def test_a_call_that_another_run_collects_is_counted_once():
    first, second = budget(money=1), budget(money=1)
    call = first.of(CHEAP).reserve(1, 100, 0.8)
    first.leave(call)
    assert first.spent == {"pairs": 1, "tokens": 100, "money": 0.8}
    collected = second.of(CHEAP).reserve(1, 100, 0.8, earlier=call.name)
    assert collected is not None
    assert total()["money"] == 0.8
    second.settle(collected, 50, 0.25)
    assert total() == {"pairs": 1, "tokens": 50, "money": 0.25}
    first.settle(replace(call), 0, 0.0)  # whoever had it before can change nothing any more
    assert total()["money"] == 0.25


def test_what_is_counted_already_can_be_collected_under_a_lower_limit():
    call = budget(money=10).of(CHEAP).reserve(1, 100, 8.0)
    lower = budget(money=1)
    assert lower.of(CHEAP).reserve(1, 90, 7.0, earlier=call.name) is not None
    assert total()["money"] == 7.0


def test_a_call_that_another_round_collects_moves_to_its_account():
    call = budget("those", money=1).of(CHEAP).reserve(1, 100, 0.8)
    assert budget("these", money=0.5).of(CHEAP).reserve(1, 100, 0.8, earlier=call.name) is None
    assert (total("those")["money"], total("these")["money"]) == (0.8, 0)
    assert budget("these", money=1).of(CHEAP).reserve(1, 100, 0.8, earlier=call.name) is not None
    assert (total("those")["money"], total("these")["money"]) == (0, 0.8)


def test_a_reservation_that_is_not_there_any_more_is_made_anew():
    assert budget(money=1).of(CHEAP).reserve(1, 100, 0.8, earlier="gone") is not None
    assert budget(money=1).of(CHEAP).reserve(1, 100, 0.8, earlier="gone") is None


def test_what_was_reserved_for_nothing_is_given_back():
    call = budget(money=1).of(CHEAP).reserve(1, 100, 0.8)
    budget(money=1).release([call.name])
    assert total() == NOTHING


def test_an_answer_outlives_a_ledger_that_cannot_be_settled(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    one = budget(money=1)
    calls = [one.of(CHEAP).reserve(1, 10, 0.25) for _ in range(2)]

    def fails(*_: object) -> None:
        raise Refused("the ledger could not be written")

    monkeypatch.setattr(one.spending, "settle", fails)
    for call in calls:
        one.settle(call, 1, 0.1)
    assert capfd.readouterr().err.count("its whole reservation counts as spent") == 1
    assert total()["money"] == 0.5


# Whatever several do, and in whatever order.


def spend_all(barrier: object, number: int) -> None:
    barrier.wait(60)
    mine = budget(tokens=700)
    while (call := mine.of(CHEAP).reserve(1, 7, 0.0)) is not None:
        mine.settle(call, 7, 0.0)


def test_processes_at_once_do_not_exceed_it_together():
    run_all([(spend_all, number) for number in range(3)])
    assert 700 - 3 * 7 <= total()["tokens"] <= 700
    assert total()["pairs"] == total()["tokens"] / 7


@pytest.fixture(scope="module")
def shared() -> Iterator[Ledger]:
    """One ledger for all examples, each of which has questions of its own."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{Path(folder)}/judgments.db")
        yield ledger
        ledger.engine.dispose()


SITTERS = st.integers(0, 1)
AMOUNT = st.tuples(st.integers(0, 5), st.integers(0, 40), st.integers(0, 40))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), SITTERS, AMOUNT),
        st.tuples(st.just("settle"), SITTERS, st.tuples(st.integers(0, 9), st.floats(0, 1))),
        st.tuples(st.just("leave"), SITTERS, st.integers(0, 9)),
        st.tuples(st.just("collect"), SITTERS, st.integers(0, 9)),
        st.tuples(st.just("killed"), SITTERS, st.none()),
    ),
    max_size=14,
)


@settings(max_examples=40)
@given(STEPS, st.integers(0, 20), st.integers(0, 150), st.integers(0, 150))
def test_two_sitters_never_exceed_it_whatever_they_do(
    shared: Ledger, plan: list, pairs: int, tokens: int, money: int
):
    """What is settled and what is reserved, in sum, against a model in plain numbers; `killed`:
    a process ends and another begins.
    """
    name, limits = uuid.uuid4().hex, {"pairs": pairs, "tokens": tokens, "money": money}
    ledgers = [shared, another(shared, "another:1:1")]

    def begin(who: int) -> Budget:
        return budget(name, ledger=ledgers[who], **limits)

    sitters, under_way, at_vendor = [begin(0), begin(1)], [[], []], []
    counted = dict.fromkeys(AMOUNTS, 0)
    for what, who, how in plan:
        mine = under_way[who]
        if what == "reserve":
            over, fits = (
                sitters[who].over,
                all(
                    counted[key] + more <= limits[key]
                    for key, more in zip(AMOUNTS, how, strict=True)
                ),
            )
            call = sitters[who].of(CHEAP).reserve(*how)
            assert (call is not None) == (fits and over is None)
            if call:
                mine.append(call)
                counted = {key: counted[key] + more for key, more in zip(AMOUNTS, how, strict=True)}
        elif what == "settle" and mine:
            call = mine.pop(how[0] % len(mine))
            used = {
                "pairs": call.pairs,
                "tokens": int(call.tokens * how[1]),
                "money": int(call.money * how[1]),
            }
            sitters[who].settle(call, used["tokens"], used["money"])
            counted = {key: counted[key] - getattr(call, key) + used[key] for key in AMOUNTS}
        elif what == "leave" and mine:
            call = mine.pop(how % len(mine))
            sitters[who].leave(call)
            at_vendor.append(call)
        elif what == "collect" and at_vendor and sitters[who].over is None:
            call = at_vendor.pop(how % len(at_vendor))
            again = (
                sitters[who]
                .of(CHEAP)
                .reserve(call.pairs, call.tokens, call.money, earlier=call.name)
            )
            assert again is not None  # it is counted already
            mine.append(again)
        elif what == "killed":
            at_vendor += mine  # in a batch, or never heard of again
            under_way[who], sitters[who] = [], begin(who)
        there = Spending(shared, name, 0, (CHEAP,)).total()
        assert there == counted
        assert all(there[key] <= limit for key, limit in limits.items())
