"""The base model's stage: what it makes, and that a change of the model runs it and not the
stage of labels.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hone.config import params
from hone.errors import Refused
from tasks.resolve.stages import everything
from tests.prepared import pairs, prepare, write_params, write_rows
from tests.stages import base
from tests.tiny_model import tiny_model


def small_collection() -> None:
    """Three documents and a training query below inputs/ours."""
    documents = [
        {"doc_id": f"d{number}", "text": f"text of number {number}"} for number in range(3)
    ]
    write_rows(
        Path("inputs/ours"),
        documents,
        [{"query_id": "q1", "text": "a question", "split": "train"}],
        pairs(("q1", "d0")),
    )


@pytest.fixture
def workspace(workspace: Path) -> Path:
    small_collection()
    return workspace


def test_the_base_model_is_copied_and_no_ranker_is_there_yet(workspace: Path):
    prepare()
    assert json.loads(Path("rankers/r0/ranker.json").read_text()) == {"ranker": "none"}
    assert Path("models/r0/model.safetensors").is_file()
    assert not Path("rounds/r0/model.safetensors").exists()


def test_another_base_model_leaves_the_labels_alone(workspace: Path):
    prepare()
    tiny_model(Path("inputs/other"))
    before = everything(params.read())
    write_params(model={"name": "inputs/other"})
    after = everything(params.read())
    assert before["start"] == after["start"]
    assert before["base"].model != after["base"].model


def test_a_pickled_base_model_is_refused_and_nothing_is_left(workspace: Path):
    tiny_model(Path("inputs/other"))
    prepare(model={"name": "inputs/other"})
    before = Path("models/r0/model.safetensors").read_bytes()
    Path("inputs/other/model.safetensors").rename("inputs/other/pytorch_model.bin")
    with pytest.raises(Refused, match=r"pytorch_model\.bin|safetensors"):
        base()
    assert Path("models/r0/model.safetensors").read_bytes() == before
