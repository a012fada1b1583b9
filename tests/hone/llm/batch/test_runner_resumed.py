"""Batches that the vendor has when a process ends, or cannot be reached: collected next time,
and none paid twice.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from hone.errors import Refused
from hone.files import read_json, write_json
from hone.llm.batch import jobs, runner
from hone.llm.batch.runner import complete_in_batches
from hone.llm.budget import Budget
from hone.llm.completion import Completion
from hone.llm.endpoint_state import habits
from tests.hone.llm.batch.batching import IDLE, SECRET, abandoned, collected, faults, state
from tests.hone.llm.batch.made_up_vendor import selling
from tests.hone.llm.batch.test_runner_killed import SCRIPT, killed
from tests.hone.llm.test_spending import CHEAP, budget, total
from tests.hone.llm.unruly import call, endpoint


@pytest.mark.parametrize("way", ["hang", "drip"])
@pytest.mark.parametrize(
    "place", ["POST /files", "POST /batches", "GET /batches/batch", "GET /files/file/content"]
)
def test_a_response_that_drips_or_hangs_is_requested_again(
    way: str, place: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("hone.llm.batch.client.FILE_SECONDS", 1.0)
    with selling(wrong=lambda what, time: way if what == place and time == 1 else None) as vendor:
        replies = collected(vendor, 10, timeout=1, attempts=6)
        assert vendor.requests[place] > 1
    assert not faults(replies)
    assert len(vendor.batches) == 1


def test_an_endpoint_that_stays_unreachable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "LOOKS", 3)
    budget = Budget()
    with selling(
        wrong=lambda what, time: (
            (500, b'{"error": "out"}') if what == "GET /batches/batch" else None
        )
    ) as vendor:
        replies = collected(vendor, 20, budget, most=10)
        assert replies[0].fault.startswith(
            "unreachable: status 500: out; batch batch-0 goes on, and the next run with"
        )
        assert replies[19].fault == "stopped: unreachable: status 500: out"
        assert budget.spent["tokens"] == 1100
        vendor.wrong = lambda what, time: None
        assert not faults(collected(vendor, 20))
    assert [len(vendor.prompts(number)) for number in range(len(vendor.batches))] == [10, 10]


@pytest.mark.parametrize(
    "way", ["reset", (500, b"x"), (200, b'{"half'), (200, b"{}"), (200, b'{"id": 5}')]
)
@pytest.mark.parametrize("metadata", [True, False])
def test_a_batch_whose_receipt_is_lost_is_not_submitted_twice(way: object, metadata: bool):
    def after(what, time):
        return way if what == "POST /batches" and time == 1 else None

    with selling(after=after, keeps_metadata=metadata) as vendor:
        replies = collected(vendor, 10)
    assert not faults(replies)
    assert len(vendor.batches) == 1
    assert vendor.turns == Counter({f"call {number}": 1 for number in range(10)})


def test_a_batch_that_may_have_been_submitted_is_looked_for_next_time():
    budget = Budget()

    def wrong(what, time):
        return (500, b"x") if what == "GET /batches" else None

    with selling(
        wrong=wrong, after=lambda what, time: "reset" if what == "POST /batches" else None
    ) as vendor:
        replies = collected(vendor, 10, budget)
        assert len(vendor.batches) == 1
        assert {reply.fault.partition(":")[0] for reply in replies.values()} == {"unreachable"}
        assert budget.spent["tokens"] == 1100
        vendor.wrong = vendor.after = lambda what, time: None
        assert not faults(collected(vendor, 10))
    assert len(vendor.batches) == 1


def test_a_batch_that_cannot_be_submitted_costs_nothing():
    for place in ("POST /files", "POST /batches"):
        budget = Budget()
        with selling(
            wrong=lambda what, time, place=place: (
                (400, b'{"error": {"message": "bill"}}') if what == place else None
            )
        ) as vendor:
            replies = collected(vendor, 20, budget, most=10)
        assert (replies[0].fault, replies[19].fault) == (
            "broken: status 400: bill",
            "stopped: the vendor rejected a batch: broken: status 400: bill",
        )
        assert budget.spent == IDLE
        assert state() == []


def test_ours_is_found_among_many():
    with selling() as vendor:
        for _ in range(7):
            vendor.create(
                {
                    "endpoint": "/v1/chat/completions",
                    "completion_window": "24h",
                    "input_file_id": vendor.keep(b"")["id"],
                }
            )
        ours = jobs.begun(endpoint(vendor.url), ["x-0"])
        vendor.create(
            {
                "endpoint": "/v1/chat/completions",
                "completion_window": "24h",
                "input_file_id": vendor.keep(b"")["id"],
                "metadata": {"hone": ours.name},
            }
        )
        for _ in range(4):
            vendor.create(
                {
                    "endpoint": "/v1/chat/completions",
                    "completion_window": "24h",
                    "input_file_id": vendor.keep(b"")["id"],
                }
            )
        seller = runner.Vendor(endpoint(vendor.url), "none")
        assert seller.find(ours) == "batch-7"
        ours.name = "another"
        assert seller.find(ours) is None
        seller.close()
        ours.lock.release()


def test_a_batch_that_the_vendor_has_deleted_is_submitted_again():
    with selling(finish=False) as vendor:
        abandoned(vendor)
        vendor.batches[0]["id"] = "deleted"
        vendor.finish.set()
        assert not faults(collected(vendor, 10))
    assert len(vendor.batches) == 2
    assert state() == []


def test_a_part_of_an_earlier_batch_is_collected_first_and_the_rest_later():
    with selling(finish=False) as vendor:
        abandoned(vendor)
        vendor.finish.set()
        first = collected(vendor, [4])
        assert state() == [".done", ".json", ".lock"]
        others = collected(vendor, [*range(4), *range(5, 15)])
    assert not faults(first | others)
    assert sorted(vendor.prompts(1)) == sorted(f"call {number}" for number in range(10, 15))
    assert set(vendor.turns.values()) == {1}
    assert state() == []


def test_a_batch_that_another_process_waits_for_is_its_own():
    with selling() as vendor:
        other = jobs.begun(endpoint(vendor.url), ["x-0"])
        assert list(jobs.left_behind(endpoint(vendor.url))) == []
        other.save(file="f", batch="b")
        other.lock.release()
        (found,) = jobs.left_behind(endpoint(vendor.url))
        assert (found.name, found.file, found.batch, list(found.calls)) == (
            other.name,
            "f",
            "b",
            ["x-0"],
        )
        found.lock.release()
        assert list(jobs.left_behind(endpoint(vendor.url, model="other"))) == []


LONG_AGO, FUTURE = 1000.0, 5e9  # a clock that starts in 1970, and one that was far ahead


@pytest.mark.parametrize("when", [LONG_AGO, FUTURE])
def test_what_vendors_have_deleted_by_now_is_forgotten_once_the_vendor_says_so(when: float):
    with selling() as vendor:
        old = jobs.begun(endpoint(vendor.url), ["x-0"])
        old.created = when
        old.save(file="f", batch="batch-99")
        old.lock.release()
        vendor.wrong = lambda what, time: (500, b"x") if what == "GET /batches/batch" else None
        collected(vendor, [], attempts=1)
        assert state() == [".json", ".lock"]  # the vendor has not answered
        vendor.wrong = lambda what, time: None
        collected(vendor, [])
    assert state() == []


@pytest.mark.parametrize("when", [LONG_AGO, FUTURE])
def test_a_batch_that_was_submitted_by_a_wrong_clock_is_collected_and_not_paid_twice(when: float):
    with selling(finish=False) as vendor:
        abandoned(vendor)
        (file,) = jobs.folder().glob("*.json")
        write_json(file, read_json(file) | {"created": when})
        assert not collected(vendor, [])  # what nobody asks for is not forgotten either
        vendor.finish.set()
        assert not faults(collected(vendor, 10))
    assert len(vendor.batches) == 1
    assert set(vendor.turns.values()) == {1}
    assert state() == []


@pytest.mark.parametrize("when", [LONG_AGO, FUTURE])
def test_a_batch_whose_receipt_was_lost_is_found_whatever_time_it_is_here(when: float):
    """It is not on the first page of the vendor's list."""
    with selling(after=lambda what, time: "reset" if what == "POST /batches" else None) as vendor:
        vendor.wrong = lambda what, time: (500, b"x") if what == "GET /batches" else None
        collected(vendor, 10)
        (file,) = jobs.folder().glob("*.json")
        write_json(file, read_json(file) | {"created": when})
        vendor.wrong = vendor.after = lambda what, time: None
        for _ in range(5):
            vendor.create(
                {
                    "endpoint": "/v1/chat/completions",
                    "completion_window": "24h",
                    "input_file_id": vendor.keep(b"")["id"],
                }
            )
        assert not faults(collected(vendor, 10))
    assert len(vendor.batches) == 1 + 5


def test_a_list_of_batches_that_does_not_end_is_no_proof_that_ours_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
):
    with selling() as vendor:
        ours = jobs.begun(endpoint(vendor.url), ["x-0"])
        ours.save(file="f")
        for _ in range(5):
            vendor.create(
                {
                    "endpoint": "/v1/chat/completions",
                    "completion_window": "24h",
                    "input_file_id": vendor.keep(b"")["id"],
                }
            )
        seller = runner.Vendor(endpoint(vendor.url), "none")
        assert seller.find(ours) is None
        monkeypatch.setattr(
            vendor, "listed", lambda after: {"data": [vendor.batches[0]], "has_more": True}
        )
        with pytest.raises(runner.Again, match="does not end"):
            seller.find(ours)
        seller.close()
        ours.lock.release()


# What is reserved for a batch in the ledger.


def shared(limit: float = 1e9) -> Budget:
    return budget(money=limit, judges=(CHEAP,)).of(CHEAP)


def test_a_batch_that_goes_on_is_counted_once_by_whoever_collects_it():
    with selling(finish=False) as vendor:
        now = [0.0]
        first = budget(money=1e9, minutes=1, clock=lambda: now[0])

        def calls():
            yield from map(call, range(10))
            now[0] = 61.0

        collected(vendor, budget=first.of(CHEAP), calls=calls())
        reserved = total()
        assert reserved["pairs"] == 10
        assert (
            reserved["money"] == first.spent["money"] == 1100
        )  # the most that these calls can cost
        vendor.finish.set()
        # No room is left but for what is counted already.
        assert not faults(collected(vendor, 10, shared(reserved["money"])))
    assert total() == {"pairs": 10, "tokens": 1100, "money": 1100.0}


def test_a_batch_of_a_killed_process_is_counted_once(tmp_path: Path):
    script = SCRIPT.replace("Budget()", 'budget(money=1e9).of("c" * 32)').replace(
        "import Budget", "import Budget\nfrom tests.hone.llm.test_spending import budget"
    )
    with selling(finish=False) as vendor:
        killed(vendor, tmp_path / "noted", lambda: vendor.looks["batch-0"] > 2, script)
        reserved = total()
        assert reserved["pairs"] == 20
        vendor.finish.set()
        assert not faults(collected(vendor, 20, shared(reserved["money"])))
    assert len(vendor.batches) == 1
    assert total() == {"pairs": 20, "tokens": 2200, "money": 2200.0}


def test_what_was_reserved_for_a_batch_that_was_never_uploaded_is_given_back(tmp_path: Path):
    script = SCRIPT.replace("Budget()", 'budget(money=1e9).of("c" * 32)').replace(
        "import Budget", "import Budget\nfrom tests.hone.llm.test_spending import budget"
    )
    with selling(wrong=lambda what, time: "hang" if what == "POST /files" else None) as vendor:
        killed(vendor, tmp_path / "noted", vendor.reached.is_set, script)
        assert total()["pairs"] == 20
        vendor.wrong = lambda what, time: None
        collected(vendor, [], shared())
    assert total() == {"pairs": 0, "tokens": 0, "money": 0}
    assert state() == []


def test_a_file_that_says_nothing_of_a_batch_is_named():
    jobs.folder().mkdir()
    (jobs.folder() / "x.json").write_text("{}")
    with (
        selling() as vendor,
        pytest.raises(
            Refused, match=r"batches/x.json is not the description of a batch. Remove it"
        ),
    ):
        collected(vendor, 2)


@pytest.mark.parametrize(
    "place", ["POST /files", "POST /batches", "GET /batches/batch", "GET /files/file/content"]
)
@pytest.mark.parametrize("code", [401, 403])
def test_a_key_that_is_not_taken_stops_at_once(
    place: str, code: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("A_KEY", SECRET)
    failure = (code, json.dumps({"error": {"message": f"Incorrect key: {SECRET}"}}).encode())
    budget = Budget()
    with (
        selling(wrong=lambda what, time: failure if what == place else None) as vendor,
        pytest.raises(Refused) as refusal,
    ):
        collected(vendor, 10, budget, key="A_KEY")
    assert str(refusal.value).endswith(
        f"authentication failed ({code}): Incorrect key: ***. Check the environment variable A_KEY."
    )
    assert budget._reserved == IDLE


@pytest.mark.parametrize("place", ["POST /files", "POST /batches"])
def test_an_endpoint_without_batches_is_refused(place: str):
    with (
        selling(wrong=lambda what, time: (404, b"Not Found") if what == place else None) as vendor,
        pytest.raises(Refused) as refusal,
    ):
        collected(vendor, 10)
    assert "(404)" in str(refusal.value)
    assert str(refusal.value).endswith(
        "If this endpoint has no batches, omit `batch` to send single calls."
    )


def test_the_key_is_printed_nowhere(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("A_KEY", SECRET)
    end = {"status": "failed", "errors": {"data": [{"message": SECRET}]}, "output_file_id": None}
    with selling(finish=False, ends=lambda number: end) as vendor:
        replies, _ = abandoned(vendor, key="A_KEY")
        contents = "".join(path.read_text() for path in jobs.folder().iterdir())
        vendor.finish.set()
        replies_later = collected(vendor, 10, key="A_KEY")
    assert "batch-0" in contents
    assert "failed: ***" in replies_later[0].fault
    assert SECRET not in contents + repr((replies, replies_later)) + "".join(capfd.readouterr())


def test_what_a_caller_raises_loses_no_answer_and_what_the_vendor_has_counts_as_paid():
    heard: list[int] = []

    def fail(reply: Completion) -> None:
        if len(heard) in (4, 5):
            heard.append(-1)
            raise OSError("disk full")
        heard.append(reply.request.number)

    with selling() as vendor:
        where = endpoint(vendor.url)
        habits(where).heard = True
        for left in (10, 6):
            budget = Budget()
            with pytest.raises(OSError, match="disk full"):
                for (reply,) in complete_in_batches(
                    where,
                    (call(number) for number in range(10) if number not in heard),
                    budget,
                    poll=0.01,
                ):
                    fail(reply)
            assert budget.spent == {"pairs": left, "tokens": left * 110, "money": left * 110.0}
            assert budget._reserved == IDLE
        rest = collected(vendor, [number for number in range(10) if number not in heard])
    assert len(rest) == 6
    assert not faults(rest)
    assert set(vendor.turns.values()) == {1}
    assert state() == []
