"""A model on this machine as a judge: loaded only when something is to be asked, and known by
its checksum.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hone.config import methods
from hone.errors import Refused
from hone.files import home
from hone.judging import fingerprint
from hone.llm import gguf, llama_server
from hone.llm.ledger.ledger import Ledger
from tests.hone.llm.answering import desk, questions

LINE = methods.checked(
    "relabel.judges",
    {"local": {"model": "smollm2-135m", "prompt": "yes-no", "trim": 32, "context": 512}},
    "test",
)
QUESTIONS = questions(("q1", "a"), ("q1", "b"), ("q2", "c"))


def judged(line: dict = LINE):
    judge = methods.find("relabel.judges", "local")
    return judge(
        line["parameters"],
        questions=QUESTIONS,
        desk=desk(),
        fingerprint=fingerprint.fingerprint(line),
    )


def test_a_real_model_gives_probabilities_and_is_loaded_once(monkeypatch: pytest.MonkeyPatch):
    verdicts = judged()
    assert verdicts["probability"].is_between(0, 1).all()
    assert verdicts["model"].to_list() == [gguf.name_of("smollm2-135m")] * 3
    assert Ledger().reported(fingerprint.fingerprint(LINE)) == gguf.name_of("smollm2-135m")
    monkeypatch.setattr(
        llama_server,
        "serving",
        lambda *_, **__: pytest.fail("the ledger has every answer: nothing is to be loaded"),
    )
    assert judged().equals(verdicts)


def test_the_inverted_question_is_sent_and_answers_to_the_plain_one_are_reused(
    monkeypatch: pytest.MonkeyPatch,
):
    plain = judged()
    swapped = {"method": "local", "parameters": LINE["parameters"] | {"swap": True}}
    assert fingerprint.fingerprint(swapped) != fingerprint.fingerprint(LINE)
    with Ledger().reading() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM answers").scalar()
    both = judged(swapped)
    with Ledger().reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM answers").scalar() == before + len(
            plain
        )
    opposite = 2 * both["probability"] - plain["probability"]
    assert opposite.is_between(-1e-6, 1 + 1e-6).all()
    assert (both["verdict"] == "positive").to_list() == (both["probability"] >= 0.5).to_list()


def test_one_vote_has_the_fingerprint_of_judges_from_before_votes():
    described = fingerprint.described(LINE)["parameters"]
    assert not {"votes", "twice", "swap"} & set(described)
    assert (
        fingerprint.described(
            {"method": "local", "parameters": LINE["parameters"] | {"votes": 3, "temperature": 0.7}}
        )["parameters"]["votes"]
        == 3
    )


def test_no_path_of_this_machine_comes_into_the_ledger():
    judged()
    stored = b"".join(file.read_bytes() for file in home().glob("judgments.db*"))
    assert b".gguf" not in stored
    assert str(Path.home()).encode() not in stored


def test_another_model_or_prompt_is_another_judge_and_how_it_runs_is_not(tmp_path: Path):
    other = tmp_path / "mine.gguf"
    other.write_bytes(b"weights")
    changed = [{"model": str(other)}, {"prompt": "yes-no-alone"}, {"trim": 64}]
    same = [{"slots": 2}, {"threads": 1}, {"timeout": 5.0}]
    prints = [
        fingerprint.fingerprint({"method": "local", "parameters": LINE["parameters"] | more})
        for more in (*changed, *same)
    ]
    assert prints[3:] == [fingerprint.fingerprint(LINE)] * 3
    assert len(set(prints)) == 4


def test_missing_parts_are_reported_before_anything_runs():
    parameters = LINE["parameters"] | {"model": "inputs/none.gguf"}
    assert "inputs/none.gguf" in methods.find("relabel.judges", "local").function.__globals__[
        "missing"
    ](parameters)
    with pytest.raises(Refused, match="there is no model file"):
        judged({"method": "local", "parameters": parameters})
