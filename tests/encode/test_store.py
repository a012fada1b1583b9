"""The vector store: whole shards, found by what they were computed from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.encode.store import Space, Vectors, keys_of, spaces

ABOUT = {"weights": "w", "prompt": "", "max_length": 8, "precision": "fp32"}


def vectors(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)


def filled(texts: list[str], made: np.ndarray) -> Space:
    space = Space(ABOUT)
    space.add(keys_of(texts), made)
    return space


def test_what_is_kept_is_found_again():
    made = vectors(3)
    filled(["a", "b", "c"], made)
    space = Space(ABOUT)
    places = space.find(keys_of(["c", "x", "a"]))
    assert places.tolist() == [[0, 2], [-1, -1], [0, 0]]
    np.testing.assert_array_equal(Vectors(space, places[[0, 2]], unit=False).take(slice(None)), made[[2, 0]])


@pytest.mark.parametrize("changed", [{"weights": "v"}, {"prompt": "query: "}, {"max_length": 9}, {"precision": "bf16"}])
def test_a_cache_that_does_not_know_the_weights(changed: dict):
    """Another model, prompt, length or precision finds nothing of the first one's."""
    filled(["a"], vectors(1))
    assert Space(ABOUT | changed).find(keys_of(["a"])).tolist() == [[-1, -1]]


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_a_damaged_shard_is_set_aside(damage: str):
    space = filled(["a", "b"], vectors(2))
    shard = next(space.folder.glob("*.safetensors"))
    raw = bytearray(shard.read_bytes())
    raw[-3] ^= 255
    shard.write_bytes({"cut": bytes(raw[:-10]), "flipped": bytes(raw), "emptied": b""}[damage])
    again = Space(ABOUT)
    assert again.find(keys_of(["a"])).tolist() == [[-1, -1]]
    assert [file.suffix for file in again.folder.glob("*.damaged")] == [".damaged"]
    again.add(keys_of(["a", "b"]), vectors(2))
    assert again.find(keys_of(["a"])).tolist() == [[0, 0]]


def test_what_another_process_wrote_is_noticed():
    reader = Space(ABOUT)
    filled(["a"], vectors(1))
    assert reader.find(keys_of(["a"])).tolist() == [[-1, -1]]
    reader.refresh()
    assert reader.find(keys_of(["a"])).tolist() == [[0, 0]]


def test_vectors_of_unit_length_where_the_model_compares_by_cosine():
    space = filled(["a", "b"], np.array([[3, 4, 0, 0], [0, 0, 0, 0]], dtype=np.float32))
    taken = Vectors(space, space.find(keys_of(["a", "b"])), unit=True).take(slice(None))
    np.testing.assert_allclose(taken, [[0.6, 0.8, 0, 0], [0, 0, 0, 0]], atol=1e-7)


def test_uses_and_size_are_shown(hone_home: Path):
    space = filled(["a"], vectors(1))
    space.used_by("r1")
    space.used_by("r1")
    ((folder, about, uses, size),) = spaces()
    assert folder.is_relative_to(hone_home)
    assert about["precision"] == "fp32"
    assert list(uses) == ["r1"]
    assert size > 0
