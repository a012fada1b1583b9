"""The vector store: every vector is found by what it was computed from, so none can be stale.

A *space* is what one route of one model makes of texts: its address is the fingerprint of weights, tokenizer, pooling,
prompt, length and precision. Inside, a vector is found by its text's own hash. Vectors lie in shards, files that are
complete or absent and carry a checksum; a shard that fails it is set aside and its texts are encoded again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tasks.encode.index import Index
from tasks.files import fingerprint, home, read_json, size_of, write_json, written_whole
from tasks.stage import say

KEY_BYTES = 16


def root() -> Path:
    return home() / "store"


def keys_of(texts: Sequence[str]) -> np.ndarray:
    """The hashes by which texts are found: array [n, 2] of unsigned 64-bit integers."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).digest() for text in texts)
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 2)


@dataclass
class Space:
    """The vectors that one route of one model, with one prompt, length and precision, made of texts."""

    description: dict[str, str | int]
    folder: Path = field(init=False)
    shards: list[Shard] = field(init=False, default_factory=list)
    index: Index = field(init=False, default_factory=Index)

    def __post_init__(self) -> None:
        self.folder = root() / fingerprint(json.dumps(self.description, sort_keys=True))[:32]
        self.refresh()

    def refresh(self) -> None:
        """Take notice of what lies on disk now, including what another process has written."""
        known = {shard.path for shard in self.shards}
        there = sorted(path for path in self.folder.glob("*.safetensors") if path not in known)
        self._append([shard for path in there if (shard := Shard.opened(path))])

    def _append(self, shards: list[Shard]) -> None:
        if shards:
            self.index.add(len(self.shards), [shard.keys() for shard in shards])
            self.shards += shards

    @property
    def dimension(self) -> int | None:
        return self.shards[0].dimension if self.shards else None

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Where the vectors of keys lie: array [n, 2] of shard and row, both -1 for what is not here."""
        return self.index.find(keys)

    def add(self, keys: np.ndarray, vectors: np.ndarray) -> None:
        """Keep vectors [n, d] (fp32) of keys [n, 2] as one shard."""
        if not self.folder.exists():
            self.folder.mkdir(parents=True)
            write_json(self.folder / "space.json", {**self.description, "made": time.strftime("%Y-%m-%d %H:%M")})
        path = self.folder / f"{fingerprint(keys.tobytes())[:32]}.safetensors"
        Shard.write(path, keys, vectors)
        if shard := Shard.opened(path):
            self._append([shard])

    def used_by(self, user: str) -> None:
        """Note who needs this space, for `hone store`."""
        if self.folder.exists():
            file = self.folder / "uses.json"
            uses = read_json(file) if file.exists() else {}
            if user not in uses:
                write_json(file, uses | {user: time.strftime("%Y-%m-%d %H:%M")})


@dataclass(frozen=True)
class Shard:
    """One file of vectors with their keys, in safetensors' layout."""

    path: Path
    rows: int
    dimension: int
    keys_at: int
    vectors_at: int

    @classmethod
    def opened(cls, path: Path) -> Shard | None:
        """The shard at `path`; null, and the file set aside, when it is damaged."""
        try:
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(length))
            start = 8 + length
            keys, vectors = header["keys"], header["vectors"]
            shard = cls(path, *vectors["shape"], start + keys["data_offsets"][0], start + vectors["data_offsets"][0])
            whole = path.stat().st_size == start + max(keys["data_offsets"][1], vectors["data_offsets"][1])
            if whole and shard.checksum() == header["__metadata__"]["xxh3"]:
                return shard
        except (ValueError, KeyError, TypeError, OverflowError):
            pass
        path.replace(path.with_suffix(".damaged"))
        say(f"store: {path.name} is damaged (its checksum differs); it is set aside and its texts are encoded again")
        return None

    @classmethod
    def write(cls, path: Path, keys: np.ndarray, vectors: np.ndarray) -> None:
        from safetensors.numpy import save_file

        keys, vectors = np.ascontiguousarray(keys), np.ascontiguousarray(vectors, dtype=np.float32)
        with written_whole(path) as part:
            save_file({"keys": keys, "vectors": vectors}, part, metadata={"xxh3": _checksum(keys, vectors)})

    def checksum(self) -> str:
        return _checksum(self.keys(), self.vectors())

    def keys(self) -> np.ndarray:
        return np.memmap(self.path, dtype="<u8", mode="r", offset=self.keys_at, shape=(self.rows, 2))

    def vectors(self) -> np.ndarray:
        return np.memmap(self.path, dtype="<f4", mode="r", offset=self.vectors_at, shape=(self.rows, self.dimension))


@dataclass(frozen=True)
class Vectors:
    """Vectors of a sequence of texts, in its order, read from their shards when they are asked for.

    `places` is an array [n, 2] of shard and row; `unit` says that they are to be given with length 1 (cosine).
    """

    space: Space
    places: np.ndarray
    unit: bool

    def __len__(self) -> int:
        return len(self.places)

    @property
    def dimension(self) -> int:
        return self.space.dimension or 0

    def take(self, rows: np.ndarray | slice) -> np.ndarray:
        """The vectors of some rows: array [rows, d] of fp32."""
        places = self.places[rows]
        taken = np.empty((len(places), self.dimension), dtype=np.float32)
        for number in np.unique(places[:, 0]):
            here = places[:, 0] == number
            taken[here] = self.space.shards[number].vectors()[places[here, 1]]
        if self.unit:
            taken /= np.maximum(np.linalg.norm(taken, axis=1, keepdims=True), 1e-12)
        return taken

    def part(self, rows: slice | np.ndarray) -> Vectors:
        """Those of some rows, not yet read."""
        return Vectors(self.space, self.places[rows], self.unit)

    def blocks(self, rows: int = 32_768) -> Iterator[tuple[int, np.ndarray]]:
        """Start and vectors of one run of rows after the other, so that memory does not grow with the collection."""
        for start in range(0, len(self), rows):
            yield start, self.take(slice(start, start + rows))


def spaces() -> list[tuple[Path, dict, dict, int]]:
    """Folder, description, uses and size in bytes of every space on this machine."""
    return [
        (
            folder,
            read_json(folder / "space.json"),
            read_json(folder / "uses.json") if (folder / "uses.json").exists() else {},
            size_of(folder),
        )
        for folder in sorted(root().glob("*"))
        if (folder / "space.json").exists()
    ]


def _checksum(*arrays: np.ndarray) -> str:
    import xxhash

    total = xxhash.xxh3_128()
    for array in arrays:
        total.update(memoryview(np.ascontiguousarray(array)).cast("B"))
    return total.hexdigest()
