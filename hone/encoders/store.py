"""The embedding cache: every vector is addressed by everything it depends on, so no vector can be
stale.

A *space* holds the vectors of one route of one model. Its address is the fingerprint of weights,
tokenizer, pooling, prompt, length and precision. Inside it, a vector is found by the hash of its
text. Vectors are stored in shards, complete files with a checksum. A damaged shard is quarantined,
and its texts are encoded again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from hone.encoders.key_index import Index
from hone.errors import Refused
from hone.files import fingerprint, home, read_json, size_of, write_json, written_whole
from hone.stage import say

KEY_BYTES = 16
WRITES = 2  # attempts to write a shard
HEADER = 1 << 16  # maximum bytes of a shard's header; Hone's headers have about 250
ABOUT, USES = "space.json", "uses.json"


def root() -> Path:
    return home() / "store"


def keys_of(texts: Sequence[str]) -> np.ndarray:
    """The keys of texts: array [n, 2] of unsigned 64-bit integers."""
    digests = b"".join(
        hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).digest() for text in texts
    )
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 2)


@dataclass
class Space:
    """The vectors of one route of one model, with one prompt, length and precision.

    Data on disk is read on first access.
    """

    description: dict[str, str | int]
    folder: Path = field(init=False)
    _shards: list[Shard] | None = field(init=False, default=None)
    _index: Index = field(init=False, default_factory=Index)

    def __post_init__(self) -> None:
        self.folder = root() / fingerprint(json.dumps(self.description, sort_keys=True))[:32]

    @property
    def shards(self) -> list[Shard]:
        if self._shards is None:
            self.refresh()
        return self._shards or []

    def refresh(self) -> None:
        """Refresh the view of the disk, including shards of other processes.

        Raises:
            Refused: two shards have vectors of different lengths.
        """
        known = {shard.path for shard in self._shards or []}
        unlisted = sorted(path for path in self.folder.glob("*.safetensors") if path not in known)
        self._append([shard for path in unlisted if (shard := Shard.opened(path))])

    def _append(self, shards: list[Shard]) -> None:
        before = self._shards or []
        first = next(iter([*before, *shards]), None)
        for shard in shards:
            if shard.dimension != first.dimension:
                raise Refused(
                    f"the embedding cache contains {first.dimension:,}-dimensional and "
                    f"{shard.dimension:,}-dimensional vectors of "
                    f"{self.name} in one entry ({first.path}, {shard.path}), so the model with "
                    "that name changed between two "
                    f"runs. Delete the folder {self.folder}. Its texts are encoded again."
                )
        if shards:
            self._index.add(len(before), [shard.keys() for shard in shards])
        self._shards = [*before, *shards]

    @property
    def name(self) -> str:
        """The model's name in the description."""
        return (
            f"the model '{self.description['model']}'"
            if "model" in self.description
            else "one model"
        )

    @property
    def dimension(self) -> int | None:
        return self.shards[0].dimension if self.shards else None

    @property
    def noted(self) -> dict:
        """The stored metadata: the description, `dimension`, and the model's name that an
        endpoint `reported`.
        """
        return read_object(self.folder / ABOUT)

    def find(self, keys: np.ndarray) -> np.ndarray:
        """The positions of keys: array [n, 2] of shard and row, both -1 for missing keys."""
        if self._shards is None:
            self.refresh()
        return self._index.find(keys)

    def add(self, keys: np.ndarray, vectors: np.ndarray, reported: str | None = None) -> None:
        """Store vectors [n, d] (fp32) of keys [n, 2] as one shard.

        A shard that cannot be read back is written once more: the vector of another text must never
        replace a missing one.

        Args:
            keys, vectors: of the same texts.
            reported: the model name that the endpoint reports. Null: none is reported.

        Raises:
            Refused: the vectors differ in length from the stored ones, or the shard cannot be read
                back twice.
        """
        if self.dimension not in (None, vectors.shape[1]):
            raise Refused(
                f"{self.name} returned {vectors.shape[1]:,}-dimensional vectors, but those in the "
                f"embedding cache ({self.folder}) "
                f"are {self.dimension:,}-dimensional, so the model has changed. Nothing is "
                "stored. Serve the first model again, "
                "or set `version`."
            )
        before = self.noted.get("reported")
        if reported and before not in (None, reported):
            raise Refused(other_model(f"{self.name} reports the model", before, reported))
        self._describe(vectors.shape[1], reported)
        path = self.folder / f"{fingerprint(keys.tobytes())[:32]}.safetensors"
        for _ in range(WRITES):
            Shard.write(path, keys, vectors)
            if shard := Shard.opened(path):
                self._append([shard])
                return
        raise Refused(
            f"the shard {path} was written {WRITES} times and had another checksum each time: the "
            "disk, its file system or the "
            "memory of this machine is faulty. Check them, or set HONE_HOME to a folder on "
            "another disk, and run this again. "
            "Earlier shards are reused."
        )

    def _describe(self, dimension: int, reported: str | None) -> None:
        """Write the description of the entry, unless it exists. A kill may have separated the
        folder from this file.
        """
        recorded = self.noted
        wanted = {"dimension": dimension} | ({"reported": reported} if reported else {})
        if not recorded or any(name not in recorded for name in wanted):
            made = {"made": time.strftime("%Y-%m-%d %H:%M")}
            write_json(self.folder / ABOUT, {**self.description, **made, **wanted, **recorded})

    def used_by(self, user: str) -> None:
        """Record the user of this entry, for `hone cache`."""
        if self.folder.exists():
            file = self.folder / USES
            uses = read_object(file)
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
        """The shard at `path`. Null if it is missing or damaged. A damaged file is quarantined."""
        try:
            with path.open("rb") as file:
                header, start = read_header(file)
                status = os.fstat(file.fileno())
            shard = cls._described(path, header, start, status.st_size)
            if shard is not None and shard.checksum() == header["__metadata__"]["xxh3"]:
                return shard
        except FileNotFoundError:
            return None  # another process has quarantined it
        except OSError as error:
            raise Refused(
                f"{path} cannot be read ({error}). Check the disk, or delete the file. Its texts "
                "are encoded again."
            ) from error
        set_aside(path, status.st_ino)
        return None

    @classmethod
    def described(cls, path: Path) -> Shard | None:
        """The shard at `path`, from its header alone. Null if there is none."""
        try:
            with path.open("rb") as file:
                return cls._described(path, *read_header(file), os.fstat(file.fileno()).st_size)
        except OSError:
            return None

    @classmethod
    def _described(cls, path: Path, header: dict, start: int, size: int) -> Shard | None:
        """The shard of a header whose data begin at byte `start`. Null if the header does not
        fit a file of `size` bytes.
        """
        try:
            keys, vectors = header["keys"], header["vectors"]
            (rows, dimension), (first, last) = (
                vectors["shape"],
                sorted([keys["data_offsets"], vectors["data_offsets"]]),
            )
            numbers = [rows, dimension, *keys["shape"], *first, *last]
            if (
                all(type(number) is int and number >= 0 for number in numbers)
                and isinstance(header["__metadata__"]["xxh3"], str)
                and (keys["dtype"], vectors["dtype"], keys["shape"]) == ("U64", "F32", [rows, 2])
                and [end - begin for begin, end in (keys["data_offsets"], vectors["data_offsets"])]
                == [16 * rows, 4 * rows * dimension]
                and (first[0], last[0], start + last[1]) == (0, first[1], size)
            ):
                return cls(
                    path,
                    rows,
                    dimension,
                    start + keys["data_offsets"][0],
                    start + vectors["data_offsets"][0],
                )
        except (ValueError, KeyError, TypeError, IndexError):
            pass
        return None

    @classmethod
    def write(cls, path: Path, keys: np.ndarray, vectors: np.ndarray) -> None:
        from safetensors.numpy import save_file

        keys, vectors = np.ascontiguousarray(keys), np.ascontiguousarray(vectors, dtype=np.float32)
        with written_whole(path) as part:
            save_file(
                {"keys": keys, "vectors": vectors},
                part,
                metadata={"xxh3": _checksum(keys, vectors)},
            )

    def checksum(self) -> str:
        return _checksum(self.keys(), self.vectors())

    def keys(self) -> np.ndarray:
        return self._mapped("<u8", self.keys_at, (self.rows, 2))

    def vectors(self) -> np.ndarray:
        return self._mapped("<f4", self.vectors_at, (self.rows, self.dimension))

    def _mapped(self, kind: str, offset: int, shape: tuple[int, int]) -> np.ndarray:
        if not shape[0] or not shape[1]:
            return np.empty(shape, dtype=kind)  # an empty file cannot be mapped
        return np.memmap(self.path, dtype=kind, mode="r", offset=offset, shape=shape)


def other_model(who: str, before: str, now: str) -> str:
    """The error for another model behind the same URL and name."""
    return (
        f"{who} '{now}', but the vectors in the embedding cache come from '{before}', so their "
        "scores are not comparable. Serve "
        f"'{before}' again, or set `version` (any text) to encode all texts with the new model."
    )


def read_header(file: BinaryIO) -> tuple[dict, int]:
    """The header of a safetensors file and the start of its data. An empty header if it is
    invalid or exceeds HEADER bytes.
    """
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if not 0 < length <= HEADER:  # a flipped bit can make it 2^40
        return {}, 0
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError):
        return {}, 0
    return header if isinstance(header, dict) else {}, 8 + length


def set_aside(path: Path, inode: int) -> None:
    """Rename a damaged shard, unless another process has renamed or replaced it meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_ino != inode:
            return
        path.replace(path.with_suffix(".damaged"))
        say(
            f"embedding cache: {path.name} is damaged (wrong checksum), so it is quarantined and "
            "its texts are encoded again"
        )


def read_object(path: Path) -> dict:
    """A small JSON file of the cache. Empty if it is missing or half written."""
    try:
        found = read_json(path)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


class Lookup:
    """Counts the texts that are missing in the cache. It reads only keys, so no checksum is
    computed.

    A text that is requested twice in one entry counts once.
    """

    def __init__(self) -> None:
        self.indexes: dict[Path, Index] = {}
        self.wanted: dict[Path, list[np.ndarray]] = {}

    def want(self, space: Space, keys: np.ndarray) -> None:
        """Add the keys [n, 2] of texts that an entry will need."""
        self.wanted.setdefault(space.folder, []).append(keys)

    def absent(self) -> int:
        """The number of added texts that are missing."""
        return sum(
            self._absent(folder, np.concatenate(parts)) for folder, parts in self.wanted.items()
        )

    def absent_in(self, space: Space, keys: np.ndarray) -> int:
        """The number of distinct keys [n, 2] missing in an entry, added or not."""
        return self._absent(space.folder, keys)

    def _absent(self, folder: Path, keys: np.ndarray) -> int:
        if folder not in self.indexes:
            self.indexes[folder] = index = Index()
            shards = [
                shard
                for path in sorted(folder.glob("*.safetensors"))
                if (shard := Shard.described(path))
            ]
            index.add(0, [shard.keys() for shard in shards])
        missing = keys[self.indexes[folder].find(keys)[:, 0] < 0]
        return pl.from_numpy(missing, schema=["first", "second"]).n_unique() if len(missing) else 0


@dataclass(frozen=True)
class Vectors:
    """Vectors of a sequence of texts, in order, read from their shards on access.

    `places` is an array [n, 2] of shard and row. `unit` normalizes the vectors (cosine).
    """

    space: Space
    places: np.ndarray
    unit: bool

    def __post_init__(self) -> None:
        absent = np.count_nonzero((self.places < 0).any(axis=1))
        if absent:  # index -1 would be the last vector of the last shard
            raise Refused(
                f"the embedding cache ({self.space.folder}) lacks {absent:,} of "
                f"{len(self.places):,} vectors that were just "
                "computed. Run this again to compute them."
            )

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
            taken[here] = self._of_shard(number)[places[here, 1]]
        if self.unit:
            taken /= np.maximum(np.linalg.norm(taken, axis=1, keepdims=True), 1e-12)
        return taken

    def _of_shard(self, number: int) -> np.ndarray:
        shard = self.space.shards[number]
        try:
            return shard.vectors()
        except (OSError, ValueError) as error:
            raise Refused(
                f"the shard {shard.path} was deleted, quarantined or truncated while this process "
                f"was reading it ({error}), for "
                "example by `hone cache clean` in another checkout. Run this again. Its texts are "
                "encoded again."
            ) from error

    def part(self, rows: slice | np.ndarray) -> Vectors:
        """A lazy subset of some rows."""
        return Vectors(self.space, self.places[rows], self.unit)

    def blocks(self, rows: int = 32_768) -> Iterator[tuple[int, np.ndarray]]:
        """Start and vectors of consecutive blocks of rows, so memory does not grow with the
        collection.
        """
        for start in range(0, len(self), rows):
            yield start, self.take(slice(start, start + rows))


def spaces() -> list[tuple[Path, dict, dict, int]]:
    """Folder, description, uses and size in bytes of every entry on this machine. The
    description is empty if a kill prevented it.
    """
    return [
        (folder, read_object(folder / ABOUT), read_object(folder / USES), size_of(folder))
        for folder in sorted(root().glob("*"))
        if folder.is_dir()
    ]


def _checksum(*arrays: np.ndarray) -> str:
    import xxhash

    total = xxhash.xxh3_128()
    for array in arrays:
        total.update(memoryview(np.ascontiguousarray(array)).cast("B"))
    return total.hexdigest()
