"""The ledger: nothing is lost, nothing is changed, nothing is asked twice, by however many
processes and whenever they are killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hone.errors import Refused
from hone.llm.ledger import ledger as ledgers
from hone.llm.ledger.ledger import Answer, Ledger, Verdict, question_key
from tests.conftest import PROJECT

SPAWN = multiprocessing.get_context("spawn")
ANSWER = Answer("yes", "m", 100, 1, 0.5, 2.0)
KEYS = [question_key("query", f"document {number}") for number in range(2000)]


def count(ledger: Ledger, sql: str) -> int:
    with ledger.reading() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {sql}")).scalar()


def verdicts_of(found: pl.DataFrame) -> dict[bytes, str]:
    assert found["question"].is_unique().all()
    return dict(found.select("question", "verdict").rows())


# What a question is


def test_a_question_is_its_texts():
    assert question_key("how", "so") == question_key("how", "so")
    assert len(question_key("how", "so")) == 16


def test_texts_do_not_run_into_one_another():
    assert question_key("ab", "c") != question_key("a", "bc")
    assert question_key("a", "b", ["cd", "e"]) != question_key("a", "b", ["c", "de"])
    assert question_key("a", "b", ["c"]) != question_key("a", "b")
    assert question_key("ö", "b") != question_key("o", "b")


# What is found


def test_an_answer_is_found_with_its_verdicts_and_cost():
    ledger = Ledger()
    number = ledger.record(
        "f",
        ANSWER,
        [Verdict(KEYS[0], "positive", 3.0, 0.75, "sure"), Verdict(KEYS[1], "negative")],
        "r1 today",
    )
    found = ledger.find("f", [KEYS[1], KEYS[0], KEYS[0], KEYS[2]]).sort("verdict")
    assert found.drop("asked_at").rows() == [
        (KEYS[1], "negative", None, None, None, number, "yes", "m", 100, 1, 0.5, 2.0, "r1 today"),
        (KEYS[0], "positive", 3.0, 0.75, "sure", number, "yes", "m", 100, 1, 0.5, 2.0, "r1 today"),
    ]
    assert found.schema == pl.Schema(ledgers.FOUND)
    assert ledger.find("g", KEYS[:2]).is_empty()
    assert ledger.find("f", []).schema == pl.Schema(ledgers.FOUND)


def test_what_is_known_outweighs_a_later_unknown_and_the_newer_of_two_known_counts():
    ledger = Ledger()
    for verdict in ("positive", "negative", "unknown"):
        ledger.record("f", ANSWER, [Verdict(KEYS[0], verdict)], "r")
    assert verdicts_of(ledger.find("f", KEYS[:1])) == {KEYS[0]: "negative"}


def test_an_unknown_of_an_earlier_attempt_is_open_again():
    ledger = Ledger()
    ledger.record(
        "f",
        ANSWER,
        [Verdict(KEYS[0], "unknown", reason="unparsable"), Verdict(KEYS[1], "positive")],
        "r",
        retry=0,
    )
    assert verdicts_of(ledger.find("f", KEYS[:2], retry=0)) == {
        KEYS[0]: "unknown",
        KEYS[1]: "positive",
    }
    assert verdicts_of(ledger.find("f", KEYS[:2], retry=1)) == {KEYS[1]: "positive"}
    ledger.record("f", ANSWER, [Verdict(KEYS[0], "unknown", reason="too long")], "r", retry=1)
    assert ledger.find("f", KEYS[:1], retry=1)["reason"].to_list() == ["too long"]


QUESTIONS = st.integers(0, 3)
SAYINGS = st.tuples(
    st.lists(
        st.tuples(QUESTIONS, st.sampled_from(["positive", "negative", "unknown"])), max_size=4
    ),
    st.integers(0, 2),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["f", "g"]), SAYINGS), max_size=8), st.integers(0, 3))
def test_the_ledger_equals_a_list_of_answers(records: list, retry: int):
    """Against a list that is searched from its end."""
    with tempfile.TemporaryDirectory() as folder:
        ledger, heard = Ledger(f"sqlite:///{folder}/judgments.db"), []
        for number, (judge, (verdicts, attempt)) in enumerate(records):
            rows = [
                Verdict(KEYS[place], verdict, reason=str(number)) for place, verdict in verdicts
            ]
            ledger.record(judge, ANSWER, rows, "r", attempt)
            heard += [
                (judge, KEYS[place], verdict, attempt, str(number)) for place, verdict in verdicts
            ]
        for judge in ("f", "g"):
            expected = set()
            for key in KEYS[:4]:
                mine = [row for row in reversed(heard) if row[:2] == (judge, key)]
                known = [row for row in mine if row[2] != "unknown"]
                unknown = [row for row in mine if row[2] == "unknown" and row[3] >= retry]
                expected |= {(key, row[2], row[4]) for row in (known or unknown)[:1]}
            assert (
                set(
                    ledger.find(judge, KEYS[:5], retry)
                    .select("question", "verdict", "reason")
                    .rows()
                )
                == expected
            )
        ledger.engine.dispose()


def test_more_questions_than_one_look_up_takes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ledgers, "CHUNK", 7)
    monkeypatch.setattr(ledgers, "IN_ONE", 7)
    ledger = Ledger()
    assert ledger.claim("f", KEYS[:30]) == set(KEYS[:30])
    ledger.record("f", ANSWER, [Verdict(key, "positive") for key in KEYS[:25]], "r")
    assert set(ledger.find("f", KEYS[:30])["question"]) == set(KEYS[:25])
    assert count(ledger, "claims") == 5


def test_a_judge_is_described_once_and_reports_its_first_model():
    ledger = Ledger()
    ledger.describe("f", {"model": "first"})
    ledger.describe("f", {"model": "second"})
    with ledger.reading() as connection:
        assert connection.execute(text("SELECT fingerprint, description FROM judges")).all() == [
            ("f", '{"model": "first"}')
        ]
    assert ledger.reported("f") is None
    for model in (None, "b", "a"):
        ledger.record(
            "f",
            Answer("", model, 0, 0, 0.0, 3.0),
            [Verdict(KEYS[0], "unknown"), Verdict(KEYS[1], "unknown")],
            "r",
        )
    assert ledger.reported("f") == "b"
    assert ledger.seconds_per_verdict("f") == 1.5
    assert ledger.seconds_per_verdict("g") is None


def test_what_a_stage_spent_is_counted_over_all_its_runs():
    ledger = Ledger()
    for run in ("r1 abc monday", "r1 abc tuesday", "r1 ab% monday", "r10 abc monday"):
        ledger.record("f", ANSWER, [Verdict(KEYS[0], "positive"), Verdict(KEYS[1], "unknown")], run)
    ledger.record(
        "g", Answer("a score", "m", 0, 0, 0.0, 1.0), [Verdict(KEYS[2], "unknown")], "r1 abc tuesday"
    )
    assert ledger.spent("r1 abc ") == {"pairs": 4, "tokens": 202, "money": 1.0}
    assert ledger.spent("r1 ab% ") == {
        "pairs": 2,
        "tokens": 101,
        "money": 0.5,
    }  # and not what the sign stands for in a pattern
    assert ledger.spent("r2 ") == {"pairs": 0, "tokens": 0, "money": 0.0}


def test_halves_of_characters_and_the_character_0_do_not_stop_it():
    """Servers send both, as JSON escapes."""
    ledger = Ledger()
    ledger.record(
        "f",
        Answer("a\ud83db\0c", "m\ud83d", 1, 1, 0.0, 0.0),
        [Verdict(KEYS[0], "unknown", reason="odd: \udc00")],
        "r",
    )
    assert ledger.find("f", KEYS[:1]).select("raw", "model", "reason").row(0) == (
        "a?b\ufffdc",
        "m?",
        "odd: ?",
    )


# Only ever added to


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE answers SET raw = ''",
        "DELETE FROM answers",
        "UPDATE verdicts SET verdict = 'x'",
        "DELETE FROM verdicts",
    ],
)
def test_what_was_answered_cannot_be_changed(sql: str):
    ledger = Ledger()
    ledger.record("f", ANSWER, [Verdict(KEYS[0], "positive")], "r")
    with pytest.raises(DBAPIError, match="only added to"), ledger.engine.begin() as connection:
        connection.execute(text(sql))
    assert verdicts_of(ledger.find("f", KEYS[:1])) == {KEYS[0]: "positive"}


def test_an_answer_whose_verdicts_cannot_be_kept_is_not_kept_either():
    ledger = Ledger()
    assert ledger.claim("f", KEYS[:1]) == {KEYS[0]}
    with pytest.raises(Refused, match="could not be written"):
        ledger.record("f", ANSWER, [Verdict(KEYS[0], "positive"), Verdict(KEYS[1], None)], "r")
    assert (count(ledger, "answers"), count(ledger, "verdicts"), count(ledger, "claims")) == (
        0,
        0,
        1,
    )


# Claims


def another(ledger: Ledger, owner: str) -> Ledger:
    """The ledger as another process has it."""
    other = Ledger(ledger.url)
    other.owner = owner
    return other


def elsewhere(ledger: Ledger) -> Ledger:
    return another(ledger, f"elsewhere {ledger.owner}")


def test_a_question_claimed_by_another_process_is_free_after_its_release():
    ledger = Ledger()
    other = elsewhere(ledger)
    assert other.claim("f", KEYS[:2]) == set(KEYS[:2])
    assert ledger.claim("f", KEYS[:4]) == set(KEYS[2:4])
    assert ledger.claim("g", KEYS[:4]) == set(KEYS[:4])
    ledger.release("f", KEYS[:4])  # only its own
    assert ledger.claim("f", KEYS[:2]) == set()
    other.release("f", KEYS[:1])
    assert ledger.claim("f", KEYS[:2]) == {KEYS[0]}
    other.record("f", ANSWER, [Verdict(KEYS[1], "positive")], "r")
    assert ledger.claim("f", KEYS[:2]) == set(KEYS[:2])


def test_a_process_claims_again_what_it_has():
    """Several ledgers of a process are one owner."""
    assert Ledger().claim("f", KEYS[:3]) == set(KEYS[:3])
    assert Ledger().claim("f", KEYS[1:4]) == set(KEYS[1:4])


class Clock:
    """Time as the ledger's module reads it, moved on by hand."""

    def __init__(self) -> None:
        self.now, self.strftime, self.gmtime = 1000.0, time.strftime, time.gmtime

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(ledgers, "time", clock)
    return clock


def test_a_claim_elsewhere_holds_while_it_is_renewed_and_ends_one_lease_later(clock: Clock):
    ledger = Ledger()
    other = elsewhere(ledger)
    other.claim("f", KEYS[:2])
    for _ in range(3):
        assert ledger.claim("f", KEYS[:2]) == set()
        clock.now += ledgers.LEASE - 1
        assert other.renew("f", KEYS[:2]) == set(KEYS[:2])
    assert ledger.claim("f", KEYS[:2]) == set()
    clock.now += ledgers.LEASE - 1
    assert other.renew("f", KEYS[:1]) == {KEYS[0]}
    assert ledger.claim("f", KEYS[:2]) == set()
    clock.now += 1
    assert ledger.claim("f", KEYS[:2]) == {KEYS[1]}  # nobody has renewed it for so long
    assert other.renew("f", KEYS[:2]) == {KEYS[0]}
    assert ledger.claim("f", KEYS[:1]) == set()
    clock.now += ledgers.LEASE
    assert ledger.claim("f", KEYS[:1]) == {KEYS[0]}


@pytest.mark.parametrize("off", [-3e8, -1000.0, 0.0, 1000.0, 3e8])
def test_however_clocks_differ_no_living_claim_is_taken_and_a_dead_one_is_waited_for_one_lease(
    off: float, clock: Clock
):
    """Claims of a machine whose clock is behind or ahead, by years too."""
    ledger = Ledger()
    other = elsewhere(ledger)
    other.claim("f", KEYS[:1])

    def by_its_clock(passed: float) -> None:
        with ledger.writing() as connection:
            connection.execute(
                text("UPDATE claims SET until = :until"), {"until": 1.8e9 + off + passed}
            )

    for passed in (0.0, 500.0, 1000.0):
        by_its_clock(passed)
        assert ledger.claim("f", KEYS[:1]) == set()
        clock.now += 500
    clock.now += ledgers.LEASE - 500 - 1
    assert ledger.claim("f", KEYS[:1]) == set()
    clock.now += 1
    assert ledger.claim("f", KEYS[:1]) == {KEYS[0]}


def test_only_what_is_still_its_own_is_renewed():
    ledger = Ledger()
    other = elsewhere(ledger)
    other.claim("f", KEYS[1:2])
    ledger.claim("f", KEYS[:1])
    ledger.claim("g", KEYS[1:2])
    assert ledger.renew("f", KEYS[:3]) == {KEYS[0]}
    assert count(ledger, "claims") == 3  # nothing is claimed anew


def test_two_machines_that_were_cloned_do_not_take_each_others_claims(
    monkeypatch: pytest.MonkeyPatch,
):
    """The same host name and the same number of the pid namespace, which on every Linux is that
    of the first; another boot.
    """
    ledger = Ledger()
    where, number, start = ledger.owner.split(":")
    for clone in (
        f"0{where[1:]}:{number}:{start}",
        f"1{where[1:]}:4194305:{start}",
    ):  # of the second nothing runs here
        other = another(ledger, clone)
        assert other.claim(clone, KEYS[:3]) == set(KEYS[:3])
        assert ledger.claim(clone, KEYS[:3]) == set()


def claim_and_die() -> None:
    assert Ledger().claim("f", KEYS[:5]) == set(KEYS[:5])
    os.kill(os.getpid(), signal.SIGKILL)


def test_claims_of_a_process_that_died_are_taken_over():
    process = SPAWN.Process(target=claim_and_die)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    ledger = Ledger()
    assert count(ledger, "claims") == 5
    assert ledger.claim("f", KEYS[:5]) == set(KEYS[:5])


def test_claims_of_a_process_whose_number_another_has_now_are_taken_over():
    ledger = Ledger()
    before = another(ledger, ledger.owner.rpartition(":")[0] + ":1")
    before.claim("f", KEYS[:1])
    assert ledger.claim("f", KEYS[:1]) == {KEYS[0]}


# Many at once, and kills


def answer_all(barrier: object, backwards: bool) -> None:
    """What a loop does: claim, look again, answer what is left, until there is an answer to
    every question.
    """
    ledger, order = Ledger(), KEYS[::-1] if backwards else KEYS
    barrier.wait(60)
    while len(ledger.find("f", KEYS)) < len(KEYS):
        for start in range(0, len(order), 50):
            mine = ledger.claim("f", order[start : start + 50])
            done = set(ledger.find("f", list(mine))["question"])
            for key in mine - done:
                ledger.record("f", ANSWER, [Verdict(key, "positive")], str(os.getpid()))
            ledger.release("f", list(done))


def test_a_new_file_that_another_process_is_opening_is_waited_for(hone_home: Path):
    other = sqlite3.connect(
        hone_home / "judgments.db", isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    later.start()
    assert Ledger().find("j", [b"0" * 16]).is_empty()
    later.join()
    other.close()


@pytest.mark.parametrize("backwards", [False, True])
def test_two_loops_at_once_ask_each_question_once(backwards: bool):
    run_all([(answer_all, backwards), (answer_all, False)])
    ledger = Ledger()
    assert (
        count(ledger, "answers")
        == count(ledger, "(SELECT DISTINCT question FROM verdicts) AS each")
        == len(KEYS)
    )
    assert count(ledger, "claims") == 0


def record_own(barrier: object, number: int) -> None:
    barrier.wait(60)
    ledger = Ledger()  # they all make the tables at once
    ledger.describe("f", {"made by": number})
    for key in KEYS[number * 200 : (number + 1) * 200]:
        ledger.record("f", ANSWER, [Verdict(key, "positive", reason=str(number))], "r")


def test_processes_that_record_at_once_lose_nothing():
    run_all([(record_own, number) for number in range(4)])
    found = Ledger().find("f", KEYS)
    assert sorted(found["question"]) == sorted(KEYS[:800])
    assert found["reason"].value_counts().sort("reason")["count"].to_list() == [200] * 4
    assert found["answer"].n_unique() == 800


def run_all(works: list[tuple[Callable, object]]) -> None:
    barrier = SPAWN.Barrier(len(works))
    processes = [SPAWN.Process(target=work, args=(barrier, argument)) for work, argument in works]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(works)


def test_threads_share_one_ledger():
    ledger, failed = Ledger(), []

    def work(number: int) -> None:
        try:
            mine = KEYS[number * 20 : (number + 1) * 20]
            for key in mine:
                ledger.claim("f", [key])
                ledger.record("f", ANSWER, [Verdict(key, "negative")], "r")
            assert len(ledger.find("f", mine)) == 20
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert count(ledger, "verdicts") == 160


KILLED = """
from tests.hone.llm.ledger.test_ledger import ANSWER, KEYS, Ledger, Verdict
ledger = Ledger()
ledger.claim("f", KEYS)
for start in range(0, len(KEYS), 5):
    print(ledger.record("f", ANSWER, [Verdict(key, "positive") for key in KEYS[start : start + 5]], "r"), flush=True)
"""  # noqa: E501


@pytest.mark.parametrize("after", [1, 20, 57])
def test_a_killed_writer_leaves_whole_answers_and_loses_none_that_it_had_kept(
    after: int, hone_home: Path
):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    for _ in range(after):
        process.stdout.readline()
    process.kill()
    n_recorded = after + len(process.stdout.read().splitlines())
    process.wait()
    ledger = Ledger()
    # The last may be recorded and not printed.
    assert count(ledger, "answers") in (n_recorded, n_recorded + 1)
    assert count(ledger, "verdicts") == 5 * count(ledger, "answers")
    assert (
        count(
            ledger, "(SELECT answer FROM verdicts GROUP BY answer HAVING count(*) <> 5) AS broken"
        )
        == 0
    )
    assert count(ledger, "claims") == len(KEYS) - count(ledger, "verdicts")
    found = set(ledger.find("f", KEYS)["question"])
    assert ledger.claim("f", KEYS) == set(KEYS)  # the dead one's claims are open again
    assert found == set(KEYS[: count(ledger, "verdicts")])
    with sqlite3.connect(hone_home / "judgments.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
