"""Texts to vectors, with a tiny model of random weights: the store, prompts, resume, precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from hone.encoders import encoder as encoder_module
from hone.encoders.batched_inference import TorchEncoder, through_onednn
from hone.encoders.encoder import Encoder, Reading
from hone.encoders.model_folder import ModelFolder
from hone.errors import Refused
from tests.tiny_model import WORDS, tiny_model

TEXTS = [
    " ".join(WORDS[number % len(WORDS)] for number in range(start, start + 1 + start % 7))
    + f" {start}"
    for start in range(40)
]


def encoder(folder: Path, **reading) -> Encoder:
    return Encoder(
        ModelFolder(folder), Reading(**{"max_length": 16, "precision": "fp32"} | reading)
    )


def of(model: Encoder, texts: list[str], route: str = "document") -> np.ndarray:
    return model.vectors([texts], route, len(texts)).take(slice(None))


def test_vectors_are_those_of_sentence_transformers(tmp_path: Path):
    folder = tiny_model(tmp_path / "model")
    theirs = ModelFolder(folder).load(16).encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(of(encoder(folder), TEXTS), theirs, atol=1e-5)


@pytest.mark.parametrize("is_slow", [True, False])
def test_whichever_library_multiplies_the_vectors_are_the_same(
    is_slow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """oneDNN takes the place of MKL on some processors, for each linear layer of each batch, and
    only there.
    """
    times = []

    def counted(linear, inputs):
        times.append(linear)
        return through_onednn(linear, inputs)

    monkeypatch.setattr("hone.encoders.batched_inference.mkl_is_slow", lambda: is_slow)
    monkeypatch.setattr("hone.encoders.batched_inference.through_onednn", counted)
    folder = ModelFolder(tiny_model(tmp_path / "model"))
    theirs = folder.load(16).encode(TEXTS)
    ours = TorchEncoder(folder.load(16), "document", "", "fp32").encode(TEXTS)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert bool(times) is is_slow
    if is_slow:
        assert all(layer.bias is not None for layer in times)
        bare = torch.nn.Linear(3, 2, bias=False)
        inputs = torch.arange(12.0).reshape(2, 2, 3).transpose(0, 1)
        torch.testing.assert_close(through_onednn(bare, inputs), inputs @ bare.weight.T)


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Sets the number of torch's threads for one test; the others have one."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("cores", [1, 3])
def test_vectors_do_not_depend_on_the_number_of_cores(
    cores: int, threads: Callable[[int], None], tmp_path: Path
):
    threads(cores)
    folder = ModelFolder(tiny_model(tmp_path / "model"))
    model = TorchEncoder(folder.load(16), "document", "", "fp32", batch_tokens=40)
    assert model.workers == cores
    np.testing.assert_allclose(model.encode(TEXTS), folder.load(16).encode(TEXTS), atol=1e-5)


def test_two_models_one_store(tmp_path: Path):
    """The second model's vectors are its own, whatever the store has of the first."""
    first, second = tiny_model(tmp_path / "one", seed=1), tiny_model(tmp_path / "two", seed=2)
    ones = of(encoder(first), TEXTS)
    twos = of(encoder(second), TEXTS)
    assert np.abs(ones - twos).max() > 0.01
    fresh = ModelFolder(second).load(16).encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(twos, fresh, atol=1e-5)


def test_a_text_is_encoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tiny_model(tmp_path / "model")
    encoded: list[str] = []
    plain = TorchEncoder.encode
    monkeypatch.setattr(
        TorchEncoder,
        "encode",
        lambda self, texts, progress=None: encoded.extend(texts) or plain(self, texts, progress),
    )
    of(encoder(folder), TEXTS)
    of(encoder(folder), [*TEXTS[:5], "one more", *TEXTS])
    assert sorted(encoded) == sorted([*TEXTS, "one more"])


def test_what_was_encoded_before_the_end_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Everything in memory, nothing saved until the end: here a run that dies in its third shard
    has two.
    """
    folder = tiny_model(tmp_path / "model")
    monkeypatch.setattr(encoder_module, "ROWS_PER_SHARD", 10)
    plain, calls = TorchEncoder.encode, []

    def dies(self, texts, progress=None):
        calls.append(len(texts))
        if len(calls) == 3:
            raise MemoryError
        return plain(self, texts, progress)

    monkeypatch.setattr(TorchEncoder, "encode", dies)
    with pytest.raises(MemoryError):
        of(encoder(folder), TEXTS)
    again = of(encoder(folder), TEXTS)
    assert calls == [10, 10, 10, 10, 10]
    np.testing.assert_allclose(
        again, ModelFolder(folder).load(16).encode(TEXTS, normalize_embeddings=True), atol=1e-5
    )


def test_prompts_come_from_the_model_or_from_the_settings(tmp_path: Path):
    folder = tiny_model(tmp_path / "model", prompts={"query": "find ", "document": "about "})
    own = of(encoder(folder), TEXTS[:3], "query")
    theirs = (
        ModelFolder(folder).load(16).encode(TEXTS[:3], prompt="find ", normalize_embeddings=True)
    )
    np.testing.assert_allclose(own, theirs, atol=1e-5)
    none = of(encoder(folder, prompts=(("query", ""),)), TEXTS[:3], "query")
    assert np.abs(own - none).max() > 1e-3


def test_more_tokens_than_the_model_can_tell_apart(tmp_path: Path):
    folder = tiny_model(tmp_path / "model")
    with pytest.raises(Refused, match="supports at most"):
        of(encoder(folder, max_length=100_000), TEXTS)


def test_a_model_with_code_of_its_own_is_refused(tmp_path: Path):
    folder = tiny_model(tmp_path / "model")
    modules = folder / "modules.json"
    modules.write_text(modules.read_text().replace("sentence_transformers.", "evil.", 1))
    with pytest.raises(Refused, match="contains its own code"):
        of(encoder(folder), TEXTS)


def test_weights_that_can_run_code_are_refused(tmp_path: Path):
    folder = tiny_model(tmp_path / "model")
    for file in folder.rglob("*.safetensors"):
        file.rename(file.with_name("pytorch_model.bin"))
    with pytest.raises(Refused, match="safetensors"):
        of(encoder(folder), TEXTS)


def test_a_batch_that_does_not_fit_is_halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import torch

    model = ModelFolder(tiny_model(tmp_path / "model")).load(16)
    whole = TorchEncoder(model, "document", "", "fp32")
    expected = whole.encode(TEXTS)
    small = TorchEncoder(model, "document", "", "fp32")
    plain = model.forward

    def little_memory(features, **kwargs):
        if len(features["input_ids"]) > 3:
            raise torch.OutOfMemoryError
        return plain(features, **kwargs)

    monkeypatch.setattr(model, "forward", little_memory)
    np.testing.assert_allclose(small.encode(TEXTS), expected, atol=1e-5)
    assert small.batch_tokens < whole.batch_tokens


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_model_that_makes_no_numbers_is_refused_and_nothing_is_kept(tmp_path: Path, value: float):
    from safetensors.torch import load_file, save_file

    folder = tiny_model(tmp_path / "model")
    [weights] = folder.rglob("model.safetensors")
    broken = {
        name: torch.full_like(one, value) if one.is_floating_point() else one
        for name, one in load_file(weights).items()
    }
    save_file(broken, weights, metadata={"format": "pt"})
    model = encoder(folder)
    with pytest.raises(
        Refused, match="model returned NaN or infinity in 3 of 3 vectors, such as that of"
    ):
        of(model, TEXTS[:3])
    assert not model.space("document").shards
