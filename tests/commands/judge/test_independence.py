"""Who may fill holes: nobody whose word a compared round was trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.compare.command import compare
from commands.judge.unjudged_command import fill
from hone.config import methods
from hone.errors import Refused
from hone.ir.results import evaluate
from hone.judging import fingerprint
from hone.llm import gguf
from hone.llm.ledger.ledger import Answer, Ledger, Verdict, question_key
from tasks.relabel.settings import RelabelSettings
from tasks.score.settings import ScoreSettings
from tests.commands.judge.filling import (
    ROUNDS,
    TEXTS,
    TRAIN,
    answer,
    endpoint,
    hashes,
    made,
    ranking,
    server,
    verdicts,
    write_judgments,
)
from tests.hone.llm.answering import Server, serving
from tests.prepared import write_params
from tests.relabel.judges import test_replay as replayed
from tests.relabel.test_stage import run_to_negatives, write_recipe, write_run
from tests.settings import write_settings
from tests.stages import relabel, resolve

__all__ = ["made", "server"]


def test_a_judge_that_relabelled_what_the_ranking_learned_may_not_fill(made: Path, server: Server):
    with pytest.raises(
        Refused,
        match="Judge trainer relabelled training data of round r1. It would confirm its own errors",
    ):
        fill("trainer", "ours")
    assert not server.requests
    assert not Path("inputs/labels/filled").exists()
    # r0 has learned from nobody.
    assert len(fill("trainer", "ours", names=["r0"])) == 6
    # A round carries on what the rounds before it learned.
    evaluate("r2", "ours", lambda queries, *_: ranking(queries, "bacd"), 1)
    with pytest.raises(Refused, match="training data of round r1, on which r2 is based"):
        fill("trainer", "ours", names=["r0", "r2"])
    # What was filled before a round was relabelled by the same judge counts as little.
    with pytest.raises(Refused, match="Judge trainer relabelled training data of round r1"):
        compare("r0", "r1", filled="trainer")


def test_who_really_relabelled_a_round_is_known_from_its_tables(made: Path, server: Server):
    """The stage itself has run: nothing here is written by hand."""
    with serving(answer, model="another-1") as other:
        judges = {"trainer": endpoint(server, "cheap-1b"), "strong": endpoint(other, "strong-7b")}
        write_recipe({"cascade": [{"judge": "trainer"}], "action": "drop"})
        write_run({query: [f"{query}-b", f"{query}-c"] for query in TRAIN})
        write_params(judges=judges, rounds={"r1": {"from": "r0", "recipe": "judged"}})
        resolve()
        run_to_negatives()
        relabel("r1")
        labels = hashes("data", "rounds")
        with pytest.raises(Refused, match="Judge trainer relabelled training data of round r1"):
            fill("trainer", "ours")
        assert verdicts(fill("strong", "ours"))["t1-b"] == "positive"
        assert hashes("data", "rounds") == labels


def write_cascade(line: dict) -> None:
    """What `resolve` writes of a round that one judge relabels."""
    found = {"method": "found", "parameters": {}}
    section = {
        "cascade": [line | {"escalate": found, "evidence": []}],
        "confirmed_at": 1,
        "left_out": {},
        "train_on": [],
        "retry": 0,
    }
    write_settings(RelabelSettings, {"round": "r1"}, relabel=section)


def test_another_prompt_does_not_make_another_judge(made: Path, server: Server):
    message = (
        r"Judge reworded uses the same model \(cheap-1b\) as trainer, which relabelled "
        r"training data of round r1\. Choose a judge"
    )
    with pytest.raises(Refused, match=message):
        fill("reworded", "ours")
    assert not server.requests
    # That which params.yaml calls it is enough, where no answer has told the model's name.
    write_judgments("r1", "trainer", fingerprint="f" * 32)
    parameters = {"model": "Maker/Cheap-1B", "prompt": "graded"}
    write_cascade(
        {"name": "trainer", "method": "endpoint", "parameters": parameters, "fingerprint": "f" * 32}
    )
    with pytest.raises(Refused, match=message):
        fill("reworded", "ours")


def test_a_model_that_only_its_answers_name_is_refused_before_anything_is_written(
    made: Path, server: Server
):
    write_judgments("r1", "trainer", model="made-up-1")
    with pytest.raises(
        Refused, match="Judge strong uses the same model .made-up-1. as trainer, which relabelled"
    ):
        fill("strong", "ours")
    assert server.requests
    assert not Path("inputs/labels/filled").exists()


def test_a_model_of_this_machine_is_known_when_a_server_serves_it(made: Path, server: Server):
    """`hone judge serve` calls a model by its name and the beginning of its checksum."""
    line = {
        "name": "local",
        "method": "local",
        "parameters": {"model": "smollm2-135m"},
        "fingerprint": "f" * 32,
    }
    write_cascade(line)
    write_params(judges={"served": endpoint(server, gguf.name_of("smollm2-135m"))}, rounds=ROUNDS)
    with pytest.raises(
        Refused,
        match="Judge served uses the same model .smollm2-135m [0-9a-f]{12}. as local, which "
        "relabelled training data of",
    ):
        fill("served", "ours")


def test_who_scored_the_training_data_may_not_fill_either(made: Path):
    scorers = {"teacher": {"method": "cross-encoder", "parameters": {"model": "x/strong-7b"}}}
    write_settings(ScoreSettings, {"round": "r1"}, scorers=scorers)
    with pytest.raises(
        Refused,
        match="Judge strong uses the same model .strong-7b. as teacher, which scored training "
        "data of round r1",
    ):
        fill("strong", "ours")


def test_no_encoder_judges_what_it_has_ranked_itself(made: Path):
    with pytest.raises(
        Refused, match="Judge guide is the encoder .*, which is also the base of the ranking of r0"
    ):
        fill("guide", "ours", names=["r0"])
    with pytest.raises(Refused, match="Judge own uses the round's own model"):
        fill("own", "ours", names=["r0"])


def test_where_nobody_can_say_who_relabelled_nobody_fills(made: Path):
    Path("rounds/r1/judgments.parquet").unlink()
    with pytest.raises(
        Refused,
        match=r"rounds/r1/judgments.parquet is missing, so the judges of round r1's training data "
        r"are unknown",
    ):
        fill("strong", "ours")


def test_a_person_may_always_fill(made: Path, capsys: pytest.CaptureFixture[str]):
    ann = fingerprint.fingerprint(
        methods.checked("relabel.judges", {"people": {"who": "ann"}}, "test")
    )
    write_judgments("r1", "people:ann", fingerprint=ann)
    labels = [
        Verdict(question_key("what about t1", f"{TEXTS[kind]} of t1"), word)
        for kind, word in (("b", "positive"), ("d", "unknown"))
    ]
    ledger = Ledger()
    ledger.describe(ann, {"who": "ann"})
    ledger.record(ann, Answer("a sheet", None, 0, 0, 0.0, 0.0), labels, "test")
    rows = fill("people:ann", "ours")
    output = capsys.readouterr().out
    assert "The judge uses no tokens." in output
    assert (
        "1 relevant, 0 not relevant, 1 unknown (no reason 1), 4 without an answer (not judged by "
        "ann yet 4)." in output
    )
    assert verdicts(rows) == {"t1-b": "positive", "t1-d": "unknown"}
    compare("r0", "r1", filled="people:ann")
    output = capsys.readouterr().out
    assert (
        "ann labelled 1 of 6 unjudged documents among the first ten (16.7 %). 1 verdict is "
        "unknown, and 4 were not" in output
    )
    # b of one of two queries is right, .072 / 2; the other three open pairs are not known.
    assert (
        "+0.036 in rank-biased precision (without them: from −0.072 to +0.072). Judging the other "
        "3 documents could" in output
    )
    assert "ann is a person" in output


def test_recorded_answers_may_fill_unless_they_relabelled(
    made: Path, capsys: pytest.CaptureFixture[str]
):
    passages = ["answer unjudged of t1", "wrong of t1"]
    file = replayed.written(
        replayed.record("what about t1", passages, stage1=replayed.answer("[Doc (1)]", "[]"))
    )
    write_params(judges={"recorded": {"replay": {"file": file, "stage": "stage1"}}}, rounds=ROUNDS)
    assert verdicts(fill("recorded", "ours")) == {"t1-b": "positive", "t1-c": "negative"}
    assert (
        "1 relevant, 1 not relevant, 4 without an answer (not recorded 4). Documents without a "
        "verdict remain unjudged." in capsys.readouterr().out
    )
    write_judgments("r1", "recorded")
    with pytest.raises(Refused, match="Judge recorded relabelled training data of round r1"):
        fill("recorded", "ours")
