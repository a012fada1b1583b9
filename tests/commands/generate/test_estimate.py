"""The estimate of a stage: exact for few documents, extrapolated for many, or unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.generate import estimate
from commands.generate.estimate import StageEstimate, estimate_stage
from commands.generate.text import describe_work
from hone.config import params
from hone.generation.counting import Calls
from hone.llm.ledger.ledger import Ledger
from tasks.generate.settings import GenerateSettings
from tests.commands.generate.setting import asks, prepare, write_documents, write_recipe
from tests.hone.llm.answering import serving
from tests.prepared import collected, write_params
from tests.stages import base, generate


def estimated(encode: bool = False) -> StageEstimate:
    return estimate_stage(params.read(), GenerateSettings.read(collection="ours"), Ledger(), encode)


def test_many_documents_are_extrapolated(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    """Every third of eight documents is counted: three. Eight thirds of three calls are eight."""
    write_documents()
    prepare(None, {})
    monkeypatch.setattr(estimate, "COUNTED", 3)
    found = estimated()
    assert (found.documents, found.counted, found.calls, found.left) == (8, 3, 8, 8)
    assert not found.is_exact
    assert describe_work(found).startswith("8 documents; about 8 calls (0 in the ledger, 8 left)")


def test_what_the_base_model_chooses_is_unknown_until_it_may_encode(workspace: Path):
    write_documents()
    prepare(None, {"documents": {"spread": {"count": 5}}})
    found = estimated()
    assert (found.documents, found.calls, found.money, found.seconds) == (5, None, None, None)
    assert describe_work(found) == (
        "5 documents. The number of calls is unknown: the base model chooses the documents."
    )


def test_a_judge_that_filters_reads_at_most_every_query(workspace: Path):
    write_documents()
    sections = prepare(None, {})
    judge = {"endpoint": {"url": "http://127.0.0.1:9/v1", "model": "m", "prompt": "yes-no-alone"}}
    write_params(**sections, judges={"strict": judge})
    write_recipe(filters=["length", {"judge": {"judge": "strict"}}])
    collected(**sections)
    (found,) = estimated().judging
    assert (found.judge, found.pairs, found.money) == ("strict", 8, None)
    assert found.tokens > 8


def test_time_and_cost_are_unknown_or_worked_by_hand():
    """Ten calls at 2 seconds in two slots take 10 seconds; 10 · 100 tokens at 3 and 10 · 5 at 6 per
    million cost 0.0033.
    """
    calls = Calls(total=12, recorded=2, tokens_in=100.0, room=50, tokens_out=5.0, seconds=2.0)
    price = {"input": 3.0, "output": 6.0}
    found = StageEstimate(
        "ours", "mine", 12, prompts={"p": calls}, price=price, slots=2, counted=12
    )
    assert found.seconds == 10.0
    assert found.money == pytest.approx(0.0033)
    never = Calls(total=12, tokens_in=100.0, room=50)
    unknown = StageEstimate("ours", "mine", 12, prompts={"p": calls, "q": never}, counted=12)
    assert unknown.seconds is None
    assert unknown.money is None
    assert unknown.tokens_out == 10 * 5 + 12 * 50
    assert not unknown.is_measured


def test_a_model_on_this_machine_costs_nothing(workspace: Path):
    write_documents()
    sections = prepare(None, {})
    write_params(**sections | {"generators": {"writer": {"local": {"model": "smollm2-135m"}}}})
    found = estimated()
    assert found.money == 0.0
    assert "no cost (the model runs on this machine)" in describe_work(found)


def test_nothing_is_left_when_everything_is_written(workspace: Path):
    write_documents()
    with serving(asks) as server:
        prepare(server, {})
        base()
        generate("ours")
        found = estimated()
        assert len(server.requests) == 8
    assert (found.calls, found.left, found.seconds) == (8, 0, 0.0)
    assert describe_work(found) == (
        "8 documents; 8 calls (8 in the ledger, 0 left); cost 0.00; time 0 s."
    )
