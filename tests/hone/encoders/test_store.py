"""The vector store: whole shards, found by what they were computed from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.encoders.store import Shard, Space, Vectors, keys_of, spaces
from hone.errors import Refused

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
    np.testing.assert_array_equal(
        Vectors(space, places[[0, 2]], unit=False).take(slice(None)), made[[2, 0]]
    )


@pytest.mark.parametrize(
    "changed", [{"weights": "v"}, {"prompt": "query: "}, {"max_length": 9}, {"precision": "bf16"}]
)
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
    reader.refresh()
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


@pytest.fixture
def bad_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The first reads of shards have one wrong bit, as many as the list says."""
    left, plain = [0], Shard.checksum

    def checksum(self: Shard) -> str:
        left[0] -= 1
        return "another" if left[0] >= 0 else plain(self)

    monkeypatch.setattr(Shard, "checksum", checksum)
    return left


def test_a_shard_that_is_read_back_wrongly_once_is_written_again(bad_reads: list[int]):
    bad_reads[0], made = 1, vectors(3)
    space = filled(["a", "b", "c"], made)
    np.testing.assert_array_equal(
        Vectors(space, space.find(keys_of(["c", "a", "b"])), unit=False).take(slice(None)),
        made[[2, 0, 1]],
    )


def test_a_shard_that_is_never_read_back_is_refused_by_its_name(bad_reads: list[int]):
    """Its texts had the vectors of others: place -1 is the last vector of the last shard."""
    filled(["d"], vectors(1))
    bad_reads[0] = 3
    space = Space(ABOUT)
    space.refresh()
    bad_reads[0] = 2
    with pytest.raises(
        Refused,
        match=r"the shard .*\.safetensors was written 2 times .*set HONE_HOME to a folder on "
        r"another disk",
    ):
        space.add(keys_of(["a", "b", "c"]), vectors(3))


def test_a_place_that_is_none_is_never_read():
    space = filled(["a", "b"], vectors(2))
    with pytest.raises(Refused, match="lacks 1 of 2 vectors"):
        Vectors(space, space.find(keys_of(["a", "x"])), unit=False)


def test_a_shard_that_goes_while_it_is_read_is_named():
    space = filled(["a"], vectors(1))
    found = Vectors(space, space.find(keys_of(["a"])), unit=False)
    next(space.folder.glob("*.safetensors")).unlink()
    with pytest.raises(
        Refused, match="was deleted, quarantined or truncated while this process was reading it"
    ):
        found.take(slice(None))


def header_of(raw: bytes) -> tuple[dict, bytes]:
    length = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def with_header(header: object, data: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize("length", [0, 2**16 + 1, 2**40, 2**62, 2**64 - 1])
def test_a_header_of_absurd_length_is_set_aside(length: int):
    shard = next(filled(["a"], vectors(1)).folder.glob("*.safetensors"))
    shard.write_bytes(length.to_bytes(8, "little") + shard.read_bytes()[8:])
    assert Space(ABOUT).find(keys_of(["a"])).tolist() == [[-1, -1]]
    assert not shard.exists()


@pytest.mark.parametrize(
    "header", [b"[" * 60_000, b"7", b"null", b"{}", b'{"keys": 1, "vectors": {"shape": [1]}}']
)
def test_a_header_that_is_none_is_set_aside(header: bytes):
    shard = next(filled(["a"], vectors(1)).folder.glob("*.safetensors"))
    shard.write_bytes(with_header(header, header_of(shard.read_bytes())[1]))
    assert Space(ABOUT).find(keys_of(["a"])).tolist() == [[-1, -1]]


@settings(max_examples=40)
@given(
    st.sampled_from(["keys", "vectors"]),
    st.sampled_from(["shape", "data_offsets", "dtype"]),
    st.data(),
)
def test_no_changed_header_gives_other_vectors(name: str, part: str, data: st.DataObject):
    """The checksum is of keys and vectors: whatever is changed in the header, a shard is the old
    one or none.
    """
    folder = filled(["a", "b", "c"], vectors(3)).folder
    shard = next(folder.glob("*.safetensors"))
    raw = shard.read_bytes()
    header, rest = header_of(raw)
    values = st.one_of(
        st.none(),
        st.integers(-100, 100),
        st.text(max_size=4),
        st.lists(st.integers(-9, 99) | st.none(), max_size=3),
    )
    before, header[name][part] = header[name][part], data.draw(values)
    shard.write_bytes(with_header(header, rest))
    opened = Shard.opened(shard)
    assert (opened is None) == (header[name][part] != before)
    shard.with_suffix(".damaged").unlink(missing_ok=True)
    shard.write_bytes(raw)


def test_two_processes_that_set_the_same_shard_aside(monkeypatch: pytest.MonkeyPatch):
    """The other was faster: its rename comes between this one's look and its own."""
    shard = next(filled(["a"], vectors(1)).folder.glob("*.safetensors"))
    shard.write_bytes(b"nothing")
    plain = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda self, target: (plain(self, target), plain(self, target))[0]
    )
    assert Space(ABOUT).find(keys_of(["a"])).tolist() == [[-1, -1]]


def test_a_shard_that_another_process_has_written_anew_is_not_set_aside(
    monkeypatch: pytest.MonkeyPatch,
):
    space = filled(["a"], vectors(1))
    shard = next(space.folder.glob("*.safetensors"))
    good = shard.read_bytes()
    shard.write_bytes(b"nothing")

    def written_meanwhile(*_: object) -> None:
        other = shard.with_suffix(".new")
        other.write_bytes(good)
        other.replace(shard)

    monkeypatch.setattr(Shard, "_described", written_meanwhile)
    assert Shard.opened(shard) is None
    assert shard.read_bytes() == good


def test_half_a_file_of_uses_or_of_the_description_is_written_anew():
    space = filled(["a"], vectors(1))
    for name in ("uses.json", "space.json"):
        (space.folder / name).write_text('{"r1": "2026')
    space.used_by("r2")
    assert [list(uses) for _, _, uses, _ in spaces()] == [["r2"]]
    Space(ABOUT).add(keys_of(["b"]), vectors(1))
    assert spaces()[0][1].items() >= (ABOUT | {"dimension": 4}).items()


def test_a_space_that_was_killed_before_its_description_is_shown_and_described():
    folder = Space(ABOUT).folder
    folder.mkdir(parents=True)
    assert [(place, about) for place, about, _, _ in spaces()] == [(folder, {})]
    filled(["a"], vectors(1))
    assert spaces()[0][1].items() >= ABOUT.items()


def test_vectors_of_another_length_are_refused_and_not_kept():
    filled(["a"], vectors(1))
    with pytest.raises(
        Refused,
        match="returned 3-dimensional vectors, but those in the embedding cache .* are "
        "4-dimensional",
    ):
        Space(ABOUT).add(keys_of(["b"]), vectors(1)[:, :3])
    assert Space(ABOUT).find(keys_of(["b"])).tolist() == [[-1, -1]]


def test_a_space_of_two_lengths_is_refused_with_its_folder():
    """As an earlier Hone wrote it, whose endpoint changed its model."""
    space = filled(["a"], vectors(1))
    Shard.write(space.folder / "f.safetensors", keys_of(["b"]), vectors(1)[:, :3])
    with pytest.raises(Refused, match="Delete the folder"):
        Space(ABOUT).find(keys_of(["b"]))
    assert Space(ABOUT).folder == space.folder  # `hone cache` shows and deletes it all the same
