"""Batches of a process that is killed at any moment, and of a judge that asks in them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hone.judging.ask import Asking, ask
from hone.judging.prompt import load
from hone.llm.batch.runner import complete_in_batches
from hone.llm.budget import Budget
from hone.llm.endpoint_state import habits
from tests.conftest import PROJECT
from tests.hone.llm.answering import desk, finds, questions, says
from tests.hone.llm.batch.batching import collected, faults, state
from tests.hone.llm.batch.made_up_vendor import Vendor, selling
from tests.hone.llm.unruly import completion, endpoint

# What a process does that is killed: it notes each reply's number in a file.
SCRIPT = """
import sys
from hone.llm.batch.runner import complete_in_batches
from hone.llm.budget import Budget
from hone.llm.endpoint_state import habits
from tests.hone.llm.unruly import call, endpoint
where = endpoint(sys.argv[1])
habits(where).heard = True
with open(sys.argv[2], "a", buffering=1) as file:
    for (reply,) in complete_in_batches(where, map(call, range(20)), Budget(), poll=0.01):
        file.write(f"{reply.request.number} {reply.fault}\\n")
"""


def killed(vendor: Vendor, noted: Path, when, script: str = SCRIPT) -> None:
    """Run the calls in a process of their own, and kill it when it is time."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, vendor.url, noted], cwd=PROJECT, env=os.environ
    )
    try:
        while not when():
            assert process.poll() is None, "the process has ended by itself"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_a_process_that_is_killed_while_it_waits(tmp_path: Path):
    with selling(finish=False) as vendor:
        killed(vendor, tmp_path / "noted", lambda: vendor.looks["batch-0"] > 2)
        vendor.finish.set()
        replies = collected(vendor, 20)
    assert sorted(replies) == list(range(20))
    assert not faults(replies)
    assert (tmp_path / "noted").read_text() == ""
    assert len(vendor.batches) == 1
    assert state() == []


@pytest.mark.parametrize("metadata", [True, False])
def test_a_process_that_is_killed_between_submitting_and_knowing(metadata: bool, tmp_path: Path):
    with selling(
        after=lambda what, time: "hang" if what == "POST /batches" else None,
        keeps_metadata=metadata,
    ) as vendor:
        killed(vendor, tmp_path / "noted", vendor.reached.is_set)
        vendor.after = lambda what, time: None
        replies = collected(vendor, 20)
    assert not faults(replies)
    assert len(vendor.batches) == 1
    assert set(vendor.turns.values()) == {1}


@pytest.mark.parametrize("place", ["POST /files", "POST /batches"])
def test_a_process_that_is_killed_before_it_has_submitted(place: str, tmp_path: Path):
    with selling(wrong=lambda what, time: "hang" if what == place else None) as vendor:
        killed(vendor, tmp_path / "noted", vendor.reached.is_set)
        assert not vendor.batches
        vendor.wrong = lambda what, time: None
        budget = Budget()
        replies = collected(vendor, 20, budget)
    assert not faults(replies)
    assert len(vendor.batches) == 1
    assert budget.spent == {"pairs": 20, "tokens": 2200, "money": 2200.0}
    # Without an uploaded file there can be no batch to look for.
    assert vendor.requests["GET /batches"] == (place == "POST /batches")
    assert state() == []


def test_a_process_that_is_killed_while_it_collects(tmp_path: Path):
    noted = tmp_path / "noted"
    with selling(cut=7) as vendor:
        killed(vendor, noted, lambda: noted.exists() and noted.read_text().count("\n") == 7)
        vendor.cut = None
        before = [int(line.split()[0]) for line in noted.read_text().splitlines()]
        replies = collected(vendor, [number for number in range(20) if number not in before])
    assert sorted([*before, *replies]) == list(range(20))
    assert not faults(replies)
    assert len(vendor.batches) == 1


PAIRS = [
    (f"q{query}", f"{kind} {query}.{number}")
    for query in range(5)
    for kind in ("right", "wrong")
    for number in range(2)
]


def test_a_judge_asks_in_batches_and_the_ledger_keeps_every_answer():
    judge = says("right")

    def answers(prompt: str, turn: int) -> dict:
        body = json.loads(completion(judge({"messages": [{"content": prompt}]})))
        return {"response": {"status_code": 200, "body": body}, "error": None}

    settings = Asking(
        logprobs=False, complete=lambda *given: complete_in_batches(*given, poll=0.01)
    )
    with selling(answers=answers) as vendor:
        where = endpoint(vendor.url)
        habits(where).heard = True
        results = [
            ask(questions(*PAIRS), desk(), "judge", where, load("yes-no-alone"), settings)
            for _ in range(2)
        ]
    assert results[0]["verdict"].cast(str).to_list() == [
        "positive" if text.startswith("right") else "negative" for _, text in PAIRS
    ]
    assert results[0].equals(results[1])
    assert (len(vendor.batches), vendor.direct) == (1, [])


def test_a_judge_that_stopped_waiting_gets_the_lists_of_its_batch_next_time():
    judge = finds("right")

    def answers(prompt: str, turn: int) -> dict:
        body = json.loads(completion(judge({"messages": [{"content": prompt}]})))
        return {"response": {"status_code": 200, "body": body}, "error": None}

    settings = Asking(
        structured="never",
        documents=3,
        complete=lambda *given: complete_in_batches(*given, poll=0.01),
        later=True,
    )
    with selling(finish=False, answers=answers) as vendor:
        where = endpoint(vendor.url)
        habits(where).heard = True
        # The time is up once the batch is there.
        impatient = replace(
            desk(), budget=Budget(minutes=1, clock=lambda: 61.0 * len(vendor.batches))
        )
        first = ask(questions(*PAIRS), impatient, "judge", where, load("listwise"), settings)
        assert (
            impatient.budget.spent["tokens"] > 0
        )  # it counts as paid in that run, and is not noted: the next one counts it
        assert impatient.ledger.spent("test")["tokens"] == 0
        vendor.finish.set()
        second = ask(questions(*PAIRS), desk(), "judge", where, load("listwise"), settings)
    assert set(first["verdict"].cast(str)) == {"unknown"}
    assert second["verdict"].cast(str).to_list() == [
        "positive" if text.startswith("right") else "negative" for _, text in PAIRS
    ]
    assert len(vendor.batches) == 1
    assert set(vendor.turns.values()) == {1}
    assert sum(vendor.turns.values()) == 10
    assert desk().ledger.spent("test")["tokens"] == 10 * 110
