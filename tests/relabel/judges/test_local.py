"""A model on this machine as a judge: loaded only when something is to be asked, and known by its checksum."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks import methods
from tasks.errors import Refused
from tasks.files import home
from tasks.relabel import gguf, identity, server
from tasks.relabel.ledger import Ledger
from tests.relabel.answering import desk, questions

LINE = methods.checked("relabel.judges", {"local": {"model": "smollm2-135m", "prompt": "yes-no", "trim": 32, "context": 512}}, "test")
ASKED = questions(("q1", "a"), ("q1", "b"), ("q2", "c"))


def judged(line: dict = LINE):
    judge = methods.find("relabel.judges", "local")
    return judge(line["parameters"], questions=ASKED, desk=desk(), fingerprint=identity.fingerprint(line))


def test_a_real_model_gives_probabilities_and_is_loaded_once(monkeypatch: pytest.MonkeyPatch):
    said = judged()
    assert said["probability"].is_between(0, 1).all()
    assert said["model"].to_list() == [gguf.name_of("smollm2-135m")] * 3
    assert Ledger().reported(identity.fingerprint(LINE)) == gguf.name_of("smollm2-135m")
    monkeypatch.setattr(server, "serving", lambda *_, **__: pytest.fail("the ledger has every answer: nothing is to be loaded"))
    assert judged().equals(said)


def test_no_path_of_this_machine_comes_into_the_ledger():
    judged()
    kept = b"".join(file.read_bytes() for file in home().glob("judgments.db*"))
    assert b".gguf" not in kept
    assert str(Path.home()).encode() not in kept


def test_another_model_or_prompt_is_another_judge_and_how_it_runs_is_not(tmp_path: Path):
    other = tmp_path / "mine.gguf"
    other.write_bytes(b"weights")
    changed = [{"model": str(other)}, {"prompt": "yes-no-alone"}, {"trim": 64}]
    same = [{"slots": 2}, {"threads": 1}, {"timeout": 5.0}]
    prints = [identity.fingerprint({"method": "local", "parameters": LINE["parameters"] | more}) for more in (*changed, *same)]
    assert prints[3:] == [identity.fingerprint(LINE)] * 3
    assert len(set(prints)) == 4


def test_what_is_missing_is_said_before_anything_runs():
    parameters = LINE["parameters"] | {"model": "inputs/none.gguf"}
    assert "inputs/none.gguf" in methods.find("relabel.judges", "local").function.__globals__["missing"](parameters)
    with pytest.raises(Refused, match="there is no model file"):
        judged({"method": "local", "parameters": parameters})
