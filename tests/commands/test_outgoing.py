"""What leaves the machine: nothing unless an endpoint or a remote database is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.doctor import command as doctor
from commands.outgoing import remote_results, transfers
from hone.config import params
from hone.files import write_json
from tasks.resolve.stages import everything
from tests.commands.plan.test_texts import collected
from tests.hone.encoders.test_text_lengths import model_of_words
from tests.prepared import write_params

NOTHING = "no texts leave this machine: params.yaml uses no endpoint elsewhere"
CASCADE = {"cascade": [{"judge": "strong"}]}


def write(url: str, **more: object) -> None:
    """A judge and a reference at an address, both in use."""
    judge = {"url": url, "model": "m", "prompt": "yes-no"}
    write_params(
        model={"name": "inputs/base", "max_length": 8, "precision": "fp32"},
        rounds={"r1": {"from": "r0", "recipe": "top-k", "relabel": CASCADE}},
        judges={"strong": {"endpoint": judge}},
        references={"theirs": {"endpoint": {"url": url, "model": "e"}}},
        **({"compare_with": ["r0", "theirs"]} | more),
    )


@pytest.fixture
def base(workspace: Path) -> None:
    model_of_words(Path("inputs/base"))
    Path("inputs/ours").mkdir()


def test_without_an_endpoint_in_use_nothing_leaves(base: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("HONE_LEDGER", raising=False)
    write_params(model={"name": "inputs/base", "max_length": 8, "precision": "fp32"})
    assert [(one.kind, one.text) for one in doctor.outgoing()] == [(doctor.OK, NOTHING)]


def test_doctor_lists_judges_and_references_with_endpoints(base: None):
    write("https://api.example.com/v1")
    found = list(doctor.outgoing())
    assert [one.kind for one in found] == [doctor.NOTE, doctor.NOTE]
    assert [one.text.partition(" sends")[0] for one in found] == [
        "judge strong",
        "reference theirs",
    ]
    assert "at most 2,000,000 tokens in each round" in found[0].text


def test_an_endpoint_on_this_machine_is_shown_and_no_texts_leave(base: None):
    write("http://127.0.0.1:9/v1")
    found = list(doctor.outgoing())
    assert [one.kind for one in found] == [doctor.OK] * 3
    assert found[-1].text == NOTHING


def test_a_plan_lists_only_the_stages_that_would_run(base: None):
    write("https://api.example.com/v1")
    given = params.read()
    settings = everything(given)
    running = ["evaluate-reference@theirs-ours"]
    assert [one.sender for one in transfers(given, settings, running)] == ["reference theirs"]
    assert transfers(given, settings, ["train@r1"]) == []


def test_a_collection_that_was_read_has_its_number_of_texts(base: None):
    """Two documents, no dev query and one test query."""
    write("https://api.example.com/v1")
    given = params.read()
    running = ["evaluate-reference@theirs-ours"]
    (before,) = transfers(given, everything(given), running)
    assert before.texts.endswith("each once")
    collected("ours", ["a", "b"], test=["c"])
    numbers = {split: {"queries": int(split == "test")} for split in ("train", "dev", "test")}
    write_json(Path("data/ours/about.json"), numbers)
    (after,) = transfers(given, everything(given), running)
    assert after.texts.endswith("each once (3 texts)")


def test_remote_databases_are_named_without_their_passwords(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HONE_LEDGER", "postgresql://me:hidden-word@db.example.com/judgments")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:hidden-word@mlflow.example.com")
    found = remote_results()
    assert ["db.example.com" in found[0], "mlflow.example.com" in found[1]] == [True, True]
    assert "hidden-word" not in "".join(found)
    monkeypatch.setenv("HONE_LEDGER", "postgresql://me@localhost/judgments")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert remote_results() == []
