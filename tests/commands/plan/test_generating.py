"""`hone plan` and generated queries: the work of generation, and numbers that are not known yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.outgoing import transfers
from commands.plan import collecting, generating, judging, plain, summary
from commands.plan import work as planned
from commands.plan.work import Work, counts
from hone.config import params
from tasks.resolve.stages import everything
from tests.commands.generate.setting import asks, prepare, write_documents, write_recipe
from tests.hone.llm.answering import serving
from tests.prepared import pairs, write_params, write_rows
from tests.stages import base, generate

ROUNDS = {
    "r1": {"from": "r0", "recipe": "in-batch"},
    "r2": {"from": "r1", "recipe": "top-k"},
}
LATER = ["start", "retrieve@r2", "train@r1", "train@r2", "evaluate@r2-ours", "evaluate@r1-ours"]


def work_now(monkeypatch: pytest.MonkeyPatch, *stages: str) -> Work:
    """The work if DVC said that these stages run."""
    monkeypatch.setattr(planned, "stages_to_run", lambda *_: list(stages))
    monkeypatch.setattr("hone.pipeline.graph.graph", list)
    monkeypatch.setattr("hone.pipeline.graph.out_of_date", set)
    given = params.read()
    return planned.work_of(given, everything(given))


def show(work: Work) -> None:
    given = params.read()
    summary.show_work(given, everything(given), work)
    summary.show_time(given, everything(given), work, probe=True)


def set_rounds(sections: dict) -> None:
    write_params(**sections, rounds=ROUNDS)


def test_without_generated_queries_numbers_are_unknown_and_not_zero(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    write_documents()
    set_rounds(prepare(None, {}))
    work = work_now(monkeypatch, "generate@ours", *LATER)
    assert work.ungenerated == ["ours"]
    assert not work.sized
    assert work.train == {
        "r1": {"queries": None, "steps": None, "pairs": None},
        "r2": {"queries": None, "steps": None, "pairs": None},
    }
    assert work.encode == {"r1": None, "r2": None}  # their dev queries are missing, too
    show(work)
    printed = capsys.readouterr().out
    assert "The generated queries of ours do not exist yet" in printed
    assert "generate@ours: recipe mine: 8 documents; 8 calls (0 in the ledger, 8 left)" in printed
    assert "budget of generate@ours: at most 2,000,000 tokens." in printed
    assert "endpoint: generator writer sends texts of collection ours" in printed
    assert "time: unknown until the queries are generated" in printed
    assert "disk: unknown" in printed
    (row,) = [line.split() for line in printed.splitlines() if line.startswith("r1 ")]
    assert row == ["r1", *["unknown"] * 4]


def test_json_has_null_for_what_is_unknown(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    write_documents()
    set_rounds(prepare(None, {}))
    work = work_now(monkeypatch, "generate@ours", *LATER)
    given = params.read()
    found = plain.as_plain(given, everything(given), work, probe=True)
    assert found["collections_not_generated"] == ["ours"]
    assert found["seconds"] is None
    assert {row["texts_to_encode"] for row in found["models"]} == {None}
    (generation,) = found["generation"]
    assert (generation["calls"], generation["calls_left"], generation["seconds"]) == (8, 8, None)
    assert len(found["leaves_hone"]) == 1


def test_generated_queries_count_where_they_are_read(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    write_documents()
    with serving(asks) as server:
        set_rounds(prepare(server, {"dev": 0.3}))
        base()
        generate("ours")
    sizes = counts("ours")
    assert sizes["train"] + sizes["dev"] == 8
    assert 0 < sizes["dev"] < 8
    work = work_now(monkeypatch, *LATER)
    assert work.ungenerated == []
    assert work.train["r1"]["queries"] == sizes["train"]
    assert work.encode["r2"] == 8 + sizes["dev"]
    assert work.encode["r1"] == 8 + sizes["dev"] + sizes["train"]
    assert judging.training_queries(params.read(), False) == sizes["train"]
    show(work)
    assert "generate@ours" not in capsys.readouterr().out


def test_texts_that_a_new_run_may_change_are_those_of_the_last(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    write_documents()
    with serving(asks) as server:
        set_rounds(prepare(server, {}))
        base()
        generate("ours")
        write_recipe(filters=[], generator="writer")
        work = work_now(monkeypatch, "generate@ours", *LATER)
        show(work)
        assert len(server.requests) == 8
    printed = capsys.readouterr().out
    assert "generated queries of ours: their number is that of the last generation." in printed
    assert "8 calls (8 in the ledger, 0 left); cost 0.00; time 0 s." in printed


def test_labelled_dev_queries_keep_their_number(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    queries = [
        {"query_id": f"q{one}", "text": f"who sings number {one}", "split": "dev"}
        for one in range(3)
    ]
    documents = [{"doc_id": f"d{one}", "text": f"bird {one} sings in a tree"} for one in range(8)]
    write_rows(Path("inputs/ours"), documents, queries, pairs(("q0", "d0"), ("q1", "d1")))
    set_rounds(prepare(None, {}))
    work = work_now(monkeypatch, "generate@ours", "train@r1", "evaluate@r2-ours", "train@r2")
    assert work.encode["r2"] == 8 + 3
    assert work.train["r2"]["queries"] is None


def test_a_collection_that_has_not_been_read_is_said_so(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    write_documents()
    sections = {
        "collections": {"ours": {"source": "folder", "path": "inputs/ours", "generate": "mine"}},
        "generators": {"writer": {"endpoint": {"url": "http://127.0.0.1:9/v1", "model": "m"}}},
    }
    write_params(**sections)
    write_recipe()
    given = params.read()
    generating.plan_generation(given, everything(given), ["generate@ours"])
    assert capsys.readouterr().out == (
        "generate@ours: unknown: the collection has not been read yet.\n"
    )
    assert collecting.unread(given) == ["ours"]


def test_a_method_that_cannot_run_is_said_so(workspace: Path, capsys: pytest.CaptureFixture):
    write_documents()
    prepare(None, {"methods": [{"questions": {"prompt": "like-examples"}}]})
    given = params.read()
    generating.plan_generation(given, everything(given), ["generate@ours"])
    assert "generate@ours: unknown: the prompt shows training queries as examples" in (
        capsys.readouterr().out
    )


def test_a_judge_of_negatives_waits_for_the_queries(workspace: Path):
    write_documents()
    sections = prepare(None, {})
    cascade = {"cascade": [{"judge": "strict"}]}
    strict = {"endpoint": {"url": "http://127.0.0.1:9/v1", "model": "m", "prompt": "yes-no"}}
    rounds = {"r1": {"from": "r0", "recipe": "top-k", "relabel": cascade}}
    write_params(**sections, judges={"strict": strict}, rounds=rounds)
    given = params.read()
    (found,) = judging.all_judging(given, everything(given), ["relabel@r1"])
    assert (found.pairs, found.tokens) == (None, None)


def test_what_a_generator_sends_is_listed_once_and_only_if_it_runs(workspace: Path):
    write_documents()
    prepare(None, {})
    given = params.read()
    settings = everything(given)
    assert [one.sender for one in transfers(given, settings)] == ["generator writer"]
    assert transfers(given, settings, ["train@r1"]) == []
    prepare(None, {"methods": ["ict"]})
    given = params.read()
    assert transfers(given, everything(given)) == []
