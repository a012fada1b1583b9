"""Prompts of a model's configuration, as sentence-transformers applies them: in encoding and in
training, in every case.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hone.encoders.cross_encoder_folder import CrossModel
from hone.encoders.cross_encoder_inference import TorchCrossEncoder
from hone.encoders.cross_encoder_scores import CrossScorer
from hone.encoders.encoder import Encoder, Reading
from hone.encoders.model_folder import ModelFolder
from hone.errors import Refused
from tests.tiny_cross_encoder import tiny_cross_encoder
from tests.tiny_model import tiny_model

TEXTS = ["red cat", "old stone water fire light", "salt"]
CASES = {
    "no prompts": ({}, ("", "")),
    "both": (
        {"prompts": {"query": "red : ", "document": "blue dog : "}},
        ("red : ", "blue dog : "),
    ),
    "an explicit empty prompt keeps the default away": (
        {"prompts": {"query": "red : ", "document": ""}, "default_prompt_name": "query"},
        ("red : ", ""),
    ),
    "a null prompt is empty": (
        {"prompts": {"query": None, "document": "blue : "}},
        ("", "blue : "),
    ),
    "another name by default": (
        {"prompts": {"s2p_query": "red : "}, "default_prompt_name": "s2p_query"},
        ("", ""),
    ),
    "the default of one route": (
        {"prompts": {"document": "blue : "}, "default_prompt_name": "document"},
        ("", "blue : "),
    ),
    "passage": ({"prompts": {"query": "red : ", "passage": "blue : "}}, ("red : ", "")),
    "corpus": ({"prompts": {"corpus": "blue : "}}, ("", "")),
    "a default that is a route without a prompt": (
        {"prompts": {"other": "red "}, "default_prompt_name": "query"},
        ("", ""),
    ),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny")


def configured(plain: Path, folder: Path, configuration: dict, include_prompt: bool) -> ModelFolder:
    """The model with the prompts of a case, and with or without their tokens in the mean."""
    shutil.copytree(plain, folder)
    file = folder / "config_sentence_transformers.json"
    given = json.loads(file.read_text())
    file.write_text(
        json.dumps({name: given[name] for name in given if "prompt" not in name} | configuration)
    )
    pooling = folder / "1_Pooling" / "config.json"
    pooling.write_text(
        json.dumps(json.loads(pooling.read_text()) | {"include_prompt": include_prompt})
    )
    return ModelFolder(folder)


@pytest.mark.parametrize("include_prompt", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_vectors_are_those_of_encode_query_and_encode_document(
    plain: Path, tmp_path: Path, name: str, include_prompt: bool
):
    """In evaluation and mining, which encode alike, and in training, whose collator and
    objective make vectors of their own.
    """
    configuration, prompts = CASES[name]
    folder = configured(plain, tmp_path / "model", configuration, include_prompt)
    assert (folder.prompt("query"), folder.prompt("document")) == prompts
    theirs = folder.load(16)
    wanted = {
        "query": theirs.encode_query(TEXTS, normalize_embeddings=True),
        "document": theirs.encode_document(TEXTS, normalize_embeddings=True),
    }
    ours, trained = Encoder(folder, Reading(16)), in_training(folder)
    for route, expected in wanted.items():
        np.testing.assert_allclose(
            ours.vectors([TEXTS], route).take(slice(None)), expected, atol=1e-5
        )
        np.testing.assert_allclose(trained[route], expected, atol=1e-5)


def in_training(folder: ModelFolder) -> dict[str, np.ndarray]:
    """Vectors [n, d] of the texts by route, as a training step makes them."""
    import torch

    from tasks.train.objective import Objective

    model = folder.load(16).eval()
    prompts = {route: Reading(16).prompt(folder, route) for route in ("query", "document")}
    objective = Objective(model, {}, True, None)
    with torch.no_grad():
        return {
            route: objective._vectors(
                model.preprocess(TEXTS, prompt=prompts[route] or None, task=route)
            ).numpy()
            for route in prompts
        }


def test_a_prompt_that_is_left_out_of_the_mean_changes_the_vectors(plain: Path, tmp_path: Path):
    """Else the cases above would show nothing of it."""
    given = {"prompts": {"query": "red : "}}
    with_prompt, without = (
        Encoder(configured(plain, tmp_path / str(include), given, include), Reading(16))
        .queries(TEXTS)
        .take(slice(None))
        for include in (True, False)
    )
    assert np.abs(with_prompt - without).max() > 0.01


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        (
            {"prompts": {"query": "q: "}, "default_prompt_name": "qurey"},
            "`default_prompt_name` is 'qurey', but `prompts` contains 'query'",
        ),
        ({"prompts": ["q: "]}, "should be texts by name"),
        ({"prompts": {"query": 7}}, "should be texts by name"),
    ],
)
def test_prompts_that_cannot_be_applied_are_refused(
    plain: Path, tmp_path: Path, configuration: dict, message: str
):
    folder = configured(plain, tmp_path / "model", configuration, True)
    with pytest.raises(Refused, match=message):
        folder.refuse_unsafe()


def test_prompts_that_stand_before_nothing_are_named(plain: Path, tmp_path: Path):
    given = {"prompts": {"query": "q: ", "passage": "p: ", "empty": ""}}
    assert configured(plain, tmp_path / "model", given, True).unused_prompts == ["passage"]


def test_a_saved_model_is_read_as_it_was_trained(plain: Path, tmp_path: Path):
    """Training puts its prompts into the model, those of the settings too: a later round reads
    as this one did.
    """
    folder = configured(
        plain, tmp_path / "model", {"prompts": {"s2p": "red "}, "default_prompt_name": "s2p"}, True
    )
    model = folder.load(16)
    model.prompts = model.prompts | {"query": "blue : ", "document": ""}
    model.save_pretrained(str(tmp_path / "saved"))
    saved = ModelFolder(tmp_path / "saved")
    assert (saved.prompt("query"), saved.prompt("document")) == ("blue : ", "")


def test_a_cross_encoder_reads_its_default_prompt(tmp_path: Path):
    folder = tiny_cross_encoder(tmp_path / "cross")
    before = CrossScorer(CrossModel(folder), 32, "fp32").space().folder
    file = folder / "config_sentence_transformers.json"
    file.write_text(
        json.dumps(
            json.loads(file.read_text())
            | {"prompts": {"ask": "red stone "}, "default_prompt_name": "ask"}
        )
    )
    model = CrossModel(folder)
    pairs = [("red cat", "old dog"), ("salt", "sweet water")]
    theirs = model.load(32).predict(
        pairs, apply_softmax=False, activation_fn=None, convert_to_numpy=True
    )
    ours = TorchCrossEncoder(model.load(32), "fp32").encode(pairs)[:, 0]
    np.testing.assert_allclose(1 / (1 + np.exp(-ours)), theirs, atol=1e-5)
    scorer = CrossScorer(model, 32, "fp32")
    assert scorer.space().folder != before
    assert scorer.space().description["prompt"] == "red stone "
