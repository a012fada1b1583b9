"""`hone doctor` and `hone audit` tell everything that is wrong with a collection's files, before
any model runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.audit import command
from commands.audit.collections import read_source
from commands.doctor import command as doctor
from hone.errors import Refused
from tasks.collect.folder import folder
from tests.prepared import pairs, write_params, write_rows

DOCUMENTS = [
    {"doc_id": "d1", "text": "one"},
    {"doc_id": "d2", "text": ""},
    {"doc_id": "d1", "text": "two"},
]
QUERIES = [
    {"query_id": "q1", "text": "ask", "split": "train"},
    {"query_id": "q2", "text": "ask!", "split": "test"},
]
QRELS = pairs(("q1", "d1"), ("q2", "d9"))
WRONG = (
    "the document id is duplicated",
    "the document has no text",
    "a document that does not exist",
    "queries occur in two splits (1 texts)",
)


def test_doctor_looks_through_the_users_own_files(workspace: Path):
    write_rows(Path("inputs/ours"), DOCUMENTS, QUERIES, QRELS)
    write_rows(Path("inputs/good"), DOCUMENTS[:1], QUERIES[:1], QRELS[:1])
    Path("inputs/t.jsonl").write_text('{"query": "a", "pos": [true]}\n5\n')
    write_params(
        collections={
            "ours": {"source": "folder", "path": "inputs/ours"},
            "good": {"source": "folder", "path": "inputs/good"},
            "lines": {"source": "triplets", "path": "inputs/t.jsonl"},
            "published": {"source": "beir:fiqa", "path": "params.yaml"},
            "gone": {"source": "folder", "path": "inputs/gone"},
        }
    )
    ours, good, lines, missing = doctor.data()
    assert (ours.kind, good.kind, lines.kind, missing.kind) == (
        doctor.FAULT,
        doctor.OK,
        doctor.FAULT,
        doctor.FAULT,
    )
    assert ours.text.startswith("the collection ours has 5 errors of 4 kinds:")
    assert all(error in ours.text for error in WRONG)
    assert "collection good: 1 documents, 1 queries, 1 labels" in good.text
    assert "the collection lines has 2 errors of 2 kinds" in lines.text
    assert "inputs/gone, which does not exist" in missing.text


def test_audit_tells_what_collect_would_refuse_before_a_model_is_there(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    write_rows(Path("ours"), DOCUMENTS, QUERIES, QRELS)

    class NoModelYet(Exception):
        pass

    def encoder_of(name: str | None) -> None:
        raise NoModelYet

    monkeypatch.setattr(command, "encoder_of", encoder_of)
    with pytest.raises(NoModelYet):
        command.audit("ours")
    output = capsys.readouterr().err
    assert (
        "audit: the stage `collect` would fail: the collection ours has 5 errors of 4 kinds:"
        in output
    )
    assert all(error in output for error in WRONG)


def test_audit_of_tables_whose_rows_are_numbered_from_1_raises_no_alarm(
    workspace: Path, capsys: pytest.CaptureFixture
):
    """A positive with the query's own id is one like any other where the collection does not
    drop it.
    """
    texts = [{"doc_id": str(number), "text": f"answer {number}"} for number in (1, 2)]
    queries = [
        {"query_id": str(number), "text": f"question {number}", "split": "train"}
        for number in (1, 2)
    ]
    write_rows(Path("ours"), texts, queries, pairs(("1", "1"), ("2", "2")))
    source = read_source(folder, Path("ours"), "ours")
    assert len(source.qrels) == 2
    assert "refuses this" not in capsys.readouterr().err


def test_audit_of_files_that_cannot_be_read_tells_what_else_is_wrong(workspace: Path):
    write_rows(Path("ours"), DOCUMENTS, QUERIES, QRELS)
    with Path("ours/queries.jsonl").open("a") as file:
        file.write('{"query_id": "q3", "text": "a\\ud83d"}\n')
    with pytest.raises(Refused) as refused:
        command.audit("ours", encode=False)
    assert "queries.jsonl, line 3: `text` contains half a character" in str(refused.value)
    assert all(error in str(refused.value) for error in WRONG)
    assert not Path("audit.html").exists()


def test_audit_of_a_training_file_with_half_of_a_character(workspace: Path):
    Path("t.jsonl").write_text(
        '{"query": "a", "pos": ["b\\ud83d"]}\n{"query": "a", "pos": ["b"]}\n{"query": ["a"], '
        '"pos": ["b"]}\n'
    )
    with pytest.raises(
        Refused,
        match=r"the data has 2 errors of 2 kinds(.|\n)*line 1: `pos` contains half(.|\n)*line 3: "
        r"`query` is a list",
    ):
        command.audit("t.jsonl", encode=False)
