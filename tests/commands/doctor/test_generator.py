"""`hone doctor` and the generators of params.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.doctor import command, disk_use
from commands.doctor.command import FAULT, NOTE, OK, Line
from hone.errors import Refused
from hone.files import write_json
from hone.layout import generation_account
from hone.llm import gguf
from tests.prepared import COLLECTION, write_params

GENERATED = {"ours": COLLECTION | {"generate": "questions"}}
ENDPOINT = {"url": "https://api.example.com/v1", "model": "m", "key": "A_KEY"}


def lines() -> list[Line]:
    return list(command.generator())


def test_a_collection_without_generation_has_no_line(workspace: Path):
    write_params(generators={"local": {"local": {}}})
    assert lines() == []


def test_a_key_that_is_not_set_is_a_fault_until_the_queries_exist(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("A_KEY", raising=False)
    write_params(collections=GENERATED, generators={"endpoint": {"endpoint": ENDPOINT}})
    (found,) = lines()
    assert found.kind == FAULT
    assert found.text.startswith(
        "collection ours: recipe questions: the generator endpoint cannot be used: the environment "
        "variable A_KEY"
    )
    write_json(generation_account("ours"), {"recipe": "questions"})
    assert lines()[0].kind == NOTE
    monkeypatch.setenv("A_KEY", "secret-value")
    (found,) = lines()
    assert found == Line(
        OK, "collection ours: recipe questions: the generator endpoint (m) can be used"
    )


def test_the_second_generator_is_used_if_the_first_has_no_key(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("A_KEY", raising=False)
    other = {"url": "http://127.0.0.1:9/v1", "model": "here"}
    write_params(
        collections={
            "ours": COLLECTION
            | {"generate": {"recipe": "questions", "generator": ["endpoint", "mine"]}}
        },
        generators={"endpoint": {"endpoint": ENDPOINT}, "mine": {"endpoint": other}},
    )
    assert [line.text for line in lines()] == [
        "collection ours: recipe questions: the generator mine (here) can be used"
    ]


def test_a_missing_model_is_named_with_its_command_and_its_space(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gguf, "missing", lambda model: "its model is missing: `make judge`")
    monkeypatch.setattr(gguf, "whole", lambda known: False)
    write_params(collections=GENERATED, generators={"local": {"local": {}}})
    (found,) = lines()
    assert found.kind == FAULT
    assert "the generator local cannot be used: its model is missing" in found.text
    known = gguf.KNOWN["qwen2.5-coder-1.5b"]
    from hone.config import params

    one = disk_use.judge_files(params.read())
    assert one == (0 if known.with_environment else 2 * known.size)
    write_params(
        collections=GENERATED,
        generators={"local": {"local": {}}},
        judges={"local": {"local": {"prompt": "yes-no"}}},
    )
    assert disk_use.judge_files(params.read()) == one  # one model, one download


def test_a_recipe_without_a_model_needs_no_generator(workspace: Path):
    write_params(collections={"ours": COLLECTION | {"generate": "ict"}})
    assert lines() == [Line(OK, "collection ours: recipe ict needs no generator")]


def test_no_generator_at_all_is_refused(workspace: Path):
    write_params(collections=GENERATED)
    with pytest.raises(Refused, match="no generator"):
        lines()
