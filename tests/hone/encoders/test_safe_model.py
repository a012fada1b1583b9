"""Models run no code: neither their configuration nor their weights can bring any, wherever in
the folder they lie.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hone.encoders.model_folder import ModelFolder
from hone.encoders.model_safety import refuse_foreign
from hone.errors import Refused

OURS = "sentence_transformers.models.Transformer"


def model(folder: Path, **files: object) -> Path:
    """A folder with one module and its weights, and files by path (`__` for a slash); texts are
    written as they are.
    """
    given = {
        "modules.json": [{"type": OURS, "path": ""}],
        "config.json": {},
        "model.safetensors": "weights",
    }
    for name, value in (
        given | {name.replace("__", "/"): value for name, value in files.items()}
    ).items():
        if value is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(Refused) as refused:
        ModelFolder(folder).refuse_unsafe()
    return str(refused.value)


@pytest.mark.parametrize(
    "files",
    [
        {
            "pytorch_model.bin": "pickle",
            "model.safetensors": None,
            "2_Dense__model.safetensors": "weights",
        },
        {
            "pytorch_model-00001-of-00002.bin": "pickle",
            "model.safetensors": None,
            "adapter_model.safetensors": "weights",
        },
        {"0_Transformer__pytorch_model.bin": "pickle"},
        {"2_Dense__pytorch_model.bin": "pickle"},
    ],
)
def test_weights_that_can_run_code_are_refused_whatever_lies_elsewhere(tmp_path: Path, files: dict):
    """One *.safetensors anywhere let a folder pass whose main weights are a pickle."""
    assert "but no model.safetensors" in refusal(model(tmp_path, **files))


def test_pickled_weights_beside_safe_ones_are_not_read(tmp_path: Path):
    refuse_foreign(model(tmp_path, **{"pytorch_model.bin": "pickle"}), "SentenceTransformer")
    parts = {
        "model.safetensors": None,
        "model.safetensors.index.json": {},
        "model-1-of-1.safetensors": "x",
        "pytorch_model.bin": "pickle",
    }
    refuse_foreign(model(tmp_path / "in parts", **parts), "SentenceTransformer")


@pytest.mark.parametrize(
    "files",
    [
        {"config.json": {"auto_map": {"AutoModel": "evil.Model"}}},
        {"0_Transformer__config.json": {"auto_map": {"AutoModel": "evil.Model"}}},
        {"tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}}},
        {"modules.json": [{"type": OURS}, {"type": "evil.Module"}]},
        {"modules.json": [{"path": ""}]},
        {"router_config.json": {"types": {"0_Transformer": "evil.Module"}, "structure": {}}},
        {
            "1_Asym__router_config.json": {
                "types": {"0_Transformer": "evil.Module"},
                "structure": {},
            }
        },
    ],
)
def test_code_that_a_model_brings_is_refused_wherever_it_is_named(tmp_path: Path, files: dict):
    assert "contains its own code" in refusal(model(tmp_path, **files))


@pytest.mark.parametrize("text", ["{", "[" * 100_000, ""])
def test_a_configuration_that_is_no_json_is_named(tmp_path: Path, text: str):
    assert "config.json is not valid JSON" in refusal(
        model(tmp_path, **{"1_Pooling__config.json": text})
    )


def test_a_plain_model_passes(tmp_path: Path):
    ModelFolder(
        model(tmp_path, **{"1_Pooling__config.json": {"pooling_mode": "mean"}})
    ).refuse_unsafe()
