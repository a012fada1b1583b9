"""`hone generate preview`: the estimate, the question before sending, and the examples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands.generate.command import preview
from hone.errors import Refused
from hone.files import home, read_json
from tests.commands.generate.setting import asks, prepare, write_documents, write_recipe
from tests.hone.llm.answering import documents_of, serving
from tests.prepared import write_params
from tests.stages import base, generate


def test_the_texts_of_the_preview_are_those_of_the_stage(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_documents()
    with serving(asks) as server:
        prepare(server, {})
        preview("ours", number=3)
        assert len(server.requests) == 3
        printed = capsys.readouterr().out
        preview("ours", number=3)
        assert len(server.requests) == 3
        base()
        generate("ours")
        assert len(server.requests) == 8  # five more
    assert "generate ours: recipe mine" in printed
    assert (
        "endpoint: generator writer sends texts of collection ours to http://127.0.0.1" in printed
    )
    assert "The whole stage: 8 documents; 8 calls (0 in the ledger, 8 left)" in printed
    assert "time unknown (no call of this generator is recorded yet)" in printed
    assert "cost unknown (no `price` is set)" in printed
    assert printed.count("query (questions question@1 made-up): which creature") == 3
    assert "3 queries, 0 of them removed by a filter." in printed
    assert "Left after these calls: 8 documents; 8 calls (3 in the ledger, 5 left)" in printed
    again = capsys.readouterr().out
    assert "8 calls (3 in the ledger, 5 left)" in again
    assert "time about " in again
    assert "Left after these calls" not in again


def test_a_dry_run_sends_nothing(workspace: Path, capsys: pytest.CaptureFixture):
    write_documents()
    with serving(asks) as server:
        prepare(server, {})
        preview("ours", dry_run=True)
        assert server.requests == []
    printed = capsys.readouterr().out
    assert "8 calls (0 in the ledger, 8 left)" in printed
    assert "query (" not in printed
    assert not (home() / "announced.json").exists()


def test_tokens_and_cost_are_worked_by_hand(workspace: Path, capsys: pytest.CaptureFixture):
    """The system message has 400 bytes: 100 tokens. The other has 23 bytes around a document of 35:
    15 tokens. Each message adds 8 tokens: 131 in all. Without a recorded call, an answer counts
    with all of its room, 10 tokens.
    """
    write_documents(
        [{"doc_id": f"d{one}", "text": f"w{one} x y z " + "a" * 26} for one in range(4)]
    )
    Path("inputs/prompts").mkdir(parents=True)
    Path("inputs/prompts/ask.md").write_text(
        "---\nabout: a test\nversion: 1\nshows: [document]\nanswer: line\nroom: 10\n---\n"
        f"# system\n{'s' * 400}\n# user\n{{{{document}}}}\n"
    )
    price = {"input": 1000.0, "output": 5000.0}
    with serving(lambda body: "who sings there") as server:
        recipe = {"methods": [{"questions": {"prompt": "inputs/prompts/ask.md"}}], "shortest": 2}
        prepare(server, recipe, {"price": price})
        preview("ours", dry_run=True, as_json=True)
        stage = json.loads(capsys.readouterr().out)["stage"]
        assert stage["calls"] == stage["calls_left"] == 4
        assert stage["prompt_tokens"] == 4 * 131
        assert stage["output_tokens"] == 40
        assert stage["output_tokens_are_measured"] is False
        assert stage["cost"] == pytest.approx(0.724)  # (524 x 1,000 + 40 x 5,000) / 10^6
        assert stage["seconds"] is None
        preview("ours", number=1, yes=True, as_json=True)
    stage = json.loads(capsys.readouterr().out)["stage"]
    assert (stage["calls_in_ledger"], stage["calls_left"]) == (1, 3)
    assert stage["output_tokens"] == 30
    assert stage["output_tokens_are_measured"] is True
    assert stage["seconds"] > 0


def test_a_price_asks_first_and_an_answer_in_the_ledger_does_not(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_documents()
    with serving(asks) as server:
        prepare(server, {}, {"price": {"input": 1.0, "output": 2.0}})
        with pytest.raises(Refused, match=r"2 documents.*Nothing was sent. Add --yes"):
            preview("ours", number=2)
        assert server.requests == []
        assert not (home() / "announced.json").exists()
        preview("ours", number=2, yes=True)
        assert len(server.requests) == 2
        assert len(read_json(home() / "announced.json")) == 1
        preview("ours", number=2)  # nothing is sent, so nothing is asked
        assert len(server.requests) == 2
    assert "cost at most 0.0" in capsys.readouterr().out


def test_in_a_terminal_no_is_an_answer(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    write_documents()
    monkeypatch.setattr("commands.generate.sending.is_terminal", lambda: True)
    asked = []

    def confirm(text: str, default: bool) -> bool:
        asked.append((text, default))
        return len(asked) > 1

    monkeypatch.setattr("typer.confirm", confirm)
    with serving(asks) as server:
        prepare(server, {}, {"price": {"input": 1.0, "output": 2.0}})
        with pytest.raises(Refused, match=r"^Nothing was sent\.$"):
            preview("ours", number=2)
        assert server.requests == []
        preview("ours", number=2)
        assert len(server.requests) == 2
    assert asked == [("Send these texts?", False)] * 2


def test_each_removed_query_has_its_filter_and_reason(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_documents()
    with serving(lambda body: "hm" if "red" in documents_of(body)[0] else asks(body)) as server:
        prepare(server, {"filters": [{"length": {"shortest": 2}}, "near-duplicate"]})
        preview("ours", number=8)
    printed = capsys.readouterr().out
    assert "    removed by length: 1 words" in printed
    assert "8 queries, " in printed


def test_documents_without_a_query_have_their_reason(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_documents()
    with serving(lambda body: "") as server:
        prepare(server, {})
        preview("ours", number=2)
    assert capsys.readouterr().out.count("  nothing was written (no-text: empty answer)") == 2


def test_filters_that_cost_are_left_out_unless_wanted(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_documents()
    with serving(asks) as server:
        prepare(server, {"filters": ["length", {"round-trip": {"by": "either", "rank": 1}}]})
        preview("ours", number=2)
        assert "Not applied: round-trip" in capsys.readouterr().out
        with pytest.raises(Refused, match="models/r0 does not exist yet. Run `dvc repro base`"):
            preview("ours", number=2, every_filter=True)
        prepare(server, {"filters": ["length", {"round-trip": {"by": "bm25", "rank": 1}}]})
        preview("ours", number=2)
    assert "Not applied" not in capsys.readouterr().out


def test_hostile_texts_do_not_reach_the_terminal(workspace: Path, capsys: pytest.CaptureFixture):
    write_documents(
        [{"doc_id": "d\x1b]0;x", "text": "the bird \x1b[2J sings in the tree \u202e now"}]
    )
    with serving(lambda body: "who \x1b]52;c;aGk= sings\u2066 here") as server:
        prepare(server, {})
        preview("ours", number=1)
        printed = capsys.readouterr().out
        preview("ours", number=1, as_json=True)
    for text in (printed, capsys.readouterr().out):
        assert not {"\x1b", "\u202e", "\u2066"} & set(text)
    assert "the bird \\x1b[2J sings" in printed


def test_a_recipe_without_a_model_needs_no_generator(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_documents([{"doc_id": "a", "title": "Birds", "text": "They sing in the tree."}] * 1)
    prepare(None, {"methods": ["titles"], "filters": []})
    preview("ours")
    printed = capsys.readouterr().out
    assert "No text leaves this machine." in printed
    assert "The whole stage: 1 document, no calls: no model writes." in printed
    assert "query (titles title): Birds" in printed
    assert "    positive gen-" in printed


def test_another_recipe_is_named_and_its_name_is_checked(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_documents([{"doc_id": "a", "title": "Birds", "text": "They sing in the tree."}])
    prepare(None, {})
    preview("ours", recipe="titles")
    assert "generate ours: recipe titles" in capsys.readouterr().out
    with pytest.raises(Refused, match="'tilets', which does not exist; did you mean 'titles'"):
        preview("ours", recipe="tilets")


def test_what_is_missing_is_refused_with_the_next_step(workspace: Path):
    with pytest.raises(Refused, match="--number is 0"):
        preview("ours", number=0)
    write_params()
    with pytest.raises(Refused, match="'our' is not in params.yaml: did you mean 'ours'"):
        preview("our")
    with pytest.raises(Refused, match="no `generate` for the collection ours"):
        preview("ours")
    with pytest.raises(Refused, match="no generator"):
        preview("ours", recipe="questions")
    with pytest.raises(Refused, match="has not been read yet. Run `dvc repro collect@ours`"):
        preview("ours", recipe="ict")


def test_a_recipe_that_chooses_no_document_is_refused(workspace: Path):
    write_documents()
    prepare(None, {"shortest": 50})
    with pytest.raises(Refused, match="chooses no document of ours: none has 50 words"):
        preview("ours")


def test_a_dead_generator_is_named(workspace: Path):
    write_documents()
    prepare(None, {})
    with pytest.raises(Refused, match="2 of 2 texts could not be written"):
        preview("ours", number=2)


def test_changes_of_params_yaml_count_for_the_same_recipe_alone(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_documents()
    sections = prepare(None, {})
    write_recipe("other")
    changed = {"recipe": "mine", "documents": {"random": {"count": 3}}}
    sections["collections"]["ours"]["generate"] = changed
    write_params(**sections)
    for recipe, documents in ((None, 3), ("mine", 3), ("other", 8)):
        preview("ours", recipe=recipe, dry_run=True)
        assert f"The whole stage: {documents} documents; " in capsys.readouterr().out
