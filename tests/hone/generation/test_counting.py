"""Counting the calls of a writer: nothing is sent, and what is written already is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hone.config import methods
from hone.generation import generators
from hone.generation.counting import PLACEHOLDER, Calls, CountingWriter
from hone.generation.write import WritingDesk
from hone.generation.writer import Writer
from hone.llm.ledger.ledger import Ledger
from tests.hone.llm.answering import Server, documents_of, serving

SHOWN = """---
about: a test
version: 1
shows: [query]
answer: line
room: 20
---
# system
Write a passage.
# user
{{query}}
"""


def line_of(server: Server | None, **more: Any) -> dict[str, Any]:
    url = server.url if server else "http://127.0.0.1:9/v1"
    endpoint = {"url": url, "model": "made-up", "timeout": 5} | more
    return methods.checked(generators.PLACE, {"endpoint": endpoint}, "a test")


def counting(server: Server | None = None, **more: Any) -> CountingWriter:
    return CountingWriter(line_of(server, **more), WritingDesk(Ledger(), "a test", 13, "a test"))


def writing(server: Server, **more: Any) -> Writer:
    return Writer(line_of(server, **more), WritingDesk(Ledger(), "a test", 13, "a test"))


def table(*texts: str) -> pl.DataFrame:
    return pl.DataFrame({"document": list(texts)})


def test_recorded_texts_are_returned_and_the_others_are_placeholders(workspace: Path):
    with serving(lambda body: f"who is {documents_of(body)[0]}") as server:
        writing(server).write("question", table("Ada", "Bob"))
        writer = counting(server)
        found = writer.write("question", table("Cyd", "Ada", "Cyd"))
        assert len(server.requests) == 2
    assert found.texts["row"].to_list() == [0, 1, 2]
    assert found.texts["text"][1] == "who is Ada"
    assert found.texts["text"][0] == found.texts["text"][2]
    assert found.texts["text"][0].startswith(PLACEHOLDER)
    calls = writer.calls["question"]
    assert (calls.total, calls.recorded, calls.left, calls.assumed) == (2, 1, 1, 0)
    assert calls.tokens_out == 10.0  # as the imitation reports
    assert calls.seconds > 0


def test_a_second_step_counts_as_many_calls_as_texts_to_come(workspace: Path):
    """Placeholders differ, so the calls that show them do, too."""
    Path("inputs").mkdir()
    Path("inputs/passage.md").write_text(SHOWN)
    writer = counting()
    first = writer.write("question", table("Ada", "Bob", "Cyd"))
    second = writer.write("inputs/passage.md", first.texts.select(query="text"))
    assert len(second.texts) == 3
    calls = writer.calls["inputs/passage.md"]
    assert (calls.total, calls.left, calls.assumed, calls.room) == (3, 3, 3, 20)
    assert calls.tokens_out is None
    assert calls.seconds is None


def test_every_sample_counts(workspace: Path):
    writer = counting()
    for sample in range(3):
        writer.write("question", table("Ada", "Bob"), sample=sample)
    assert writer.calls["question"].total == 6


def test_a_cut_shortens_the_prompts_that_are_counted(workspace: Path):
    """A text of 4,000 bytes is 1,000 tokens; cut at 16, it is 16 and the mark of the cut."""
    long, short = counting(trim=None), counting(trim=16)
    for writer in (long, short):
        writer.write("question", table("x" * 4_000))
    difference = long.calls["question"].tokens_in - short.calls["question"].tokens_in
    assert 980 <= difference <= 984


def test_an_unanswered_row_has_its_recorded_reason(workspace: Path):
    with serving(lambda body: "") as server:
        writing(server).write("question", table("Ada"))
        found = counting(server).write("question", table("Ada"))
    assert found.texts.is_empty()
    assert found.failed["rule"].to_list() == ["no-text"]


def test_failed_attempts_and_batches_do_not_count_as_speed(workspace: Path):
    from hone.llm.ledger.ledger import Answer

    ledger = Ledger()
    assert ledger.mean_call("x") == {"tokens_out": None, "seconds": None}
    for tokens_in, tokens_out, seconds in ((50, 0, 0.0), (50, 8, 0.0), (50, 4, 3.0), (50, 6, 5.0)):
        answer = Answer("", None, tokens_in, tokens_out, 0.0, seconds)
        ledger.record("x", answer, [], "a run", 0)
    assert ledger.mean_call("x") == {"tokens_out": 6.0, "seconds": 4.0}


def test_parts_add_up_by_hand():
    """Two calls left at 10 tokens and one at 40: 20 tokens each."""
    calls = Calls(room=5).add(3, 1, 0, 10.0).add(1, 0, 1, 40.0)
    assert (calls.total, calls.recorded, calls.left, calls.assumed) == (4, 1, 3, 1)
    assert calls.tokens_in == 20.0
    assert calls.scale(2.5).total == 10


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    texts=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6),
    known=st.integers(0, 6),
)
def test_counted_calls_are_the_calls_that_are_made(workspace: Path, texts: list[str], known: int):
    with serving(lambda body: "who sings") as server:
        if texts[:known]:
            writing(server).write("question", table(*texts[:known]))
        writer, before = counting(server), len(server.requests)
        writer.write("question", table(*texts))
        assert len(server.requests) == before
        writing(server).write("question", table(*texts))
        assert writer.calls["question"].left == len(server.requests) - before
