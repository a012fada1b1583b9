"""Embeddings of texts: from the cache, or computed in length-sorted batches and stored."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl

from hone.data.tables import Documents
from hone.encoders import usage_log
from hone.encoders.device_lock import torch_lock
from hone.encoders.model_folder import ModelFolder, Route
from hone.encoders.precision import device_of, precision_of
from hone.encoders.store import Space, Vectors, keys_of
from hone.errors import Refused
from hone.stage import Progress

if TYPE_CHECKING:
    from hone.encoders.batched_inference import TorchEncoder

ROWS_PER_SHARD = 4096


@dataclass(frozen=True)
class Reading:
    """Reading settings of an encoder, for training and encoding: maximum length, prompts,
    precision.
    """

    max_length: int | None = None
    prompts: tuple[tuple[Route, str | None], ...] = ()
    precision: str = "fp32"

    @classmethod
    def of(cls, settings: dict) -> Reading:
        """From the section `model` of a stage's resolved settings."""
        return cls(
            settings["max_length"], tuple(settings["prompts"].items()), settings["precision"]
        )

    def prompt(self, model: ModelFolder, route: Route) -> str:
        """The prefix of a text: the setting, or the model's own prompt if it is not set."""
        given = dict(self.prompts).get(route)
        return model.prompt(route) if given is None else given

    def length(self, model: ModelFolder, in_training: int | None = None) -> int:
        """The number of tokens after which a text is truncated.

        Args:
            model: the folder.
            in_training: a recipe's `train.max_length`, for training. Null: as in encoding.

        Raises:
            Refused: more than the model supports.
        """
        length = in_training or self.max_length or model.max_length
        if model.positions and length > model.positions:
            setting = "train.max_length" if in_training else "model.max_length"
            raise Refused(
                f"{setting} is {length}, but {model.path} supports at most {model.positions} "
                "tokens. Lower it."
            )
        return length


class TextEncoder(ABC):
    """A source of embeddings with a cache: a local model or an endpoint."""

    user: str | None

    @property
    def rows_per_shard(self) -> int:
        """Texts stored at once, which is the maximum loss after a kill."""
        return ROWS_PER_SHARD

    @property
    @abstractmethod
    def similarity(self) -> str:
        """ "cosine" or "dot": how its embeddings are compared."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name if the caller is not named."""

    @abstractmethod
    def space(self, route: Route) -> Space:
        """The cache entry of a route."""

    @abstractmethod
    def worker(self, route: Route) -> Worker:
        """The component that computes missing embeddings."""

    @abstractmethod
    def alone(self) -> AbstractContextManager:
        """The lock for computing embeddings."""

    def queries(self, texts: list[str]) -> Vectors:
        return self.vectors([texts], "query", len(texts))

    def documents(self, documents: Documents) -> Vectors:
        return self.vectors(documents.chunks(), "document", len(documents))

    def documents_of(self, documents: Documents, wanted: pl.Series) -> tuple[pl.Series, Vectors]:
        """doc_ids and embeddings of those in `wanted` that the collection has, in its order."""
        doc_ids: list[str] = []

        def texts() -> Iterator[list[str]]:
            for ids, chunk in documents.chunks_of(wanted):
                doc_ids.extend(ids)
                yield chunk

        vectors = self.vectors(texts(), "document", len(wanted))
        return pl.Series(doc_ids, dtype=pl.String), vectors

    def vectors(
        self, texts: Iterable[list[str]], route: Route, total: int | None = None
    ) -> Vectors:
        """The embeddings of all texts, in order.

        Args:
            texts: in chunks, so a collection need not fit in memory.
            route: whether they are queries or documents.
            total: number of texts, for the remaining time. Null if unknown.

        Missing texts are collected, in order, into shards of 4,096 texts (fewer for an endpoint).
        Texts are sorted by length inside a shard. An interrupted run resumes at its first missing
        shard with identical batches.
        """
        space = self.space(route)
        work = _Work(self, space, route, total)
        keys_by_chunk = []
        for chunk in texts:
            keys = keys_of(chunk)
            usage_log.log_requested(usage_log.TEXTS, space.folder, keys)
            work.take(chunk, keys)
            keys_by_chunk.append(keys)
        work.finish()
        if self.user:
            space.used_by(self.user)
        places = [space.find(keys) for keys in keys_by_chunk]
        return Vectors(
            space,
            np.concatenate([np.empty((0, 2), dtype=np.int32), *places]),
            unit=self.similarity == "cosine",
        )


class Worker(Protocol):
    """Computes embeddings.

    Attributes:
        reported: the model name that the endpoint reports. Null: a local model, or no name is
            reported.
    """

    reported: str | None

    def encode(self, texts: list[str], progress: Progress) -> np.ndarray:
        """Embeddings [n, d], fp32, in the order of the texts."""


@dataclass(frozen=True)
class Encoder(TextEncoder):
    """One local model with its reading settings.

    Args:
        model: its folder.
        reading: maximum length, prompts, precision.
        device: the torch device.
        batch_tokens: tokens in a batch. Null: a default for the device.
        user: the caller, shown by `hone cache`.
    """

    model: ModelFolder
    reading: Reading
    device: str = "cpu"
    batch_tokens: int | None = None
    user: str | None = None

    @property
    def similarity(self) -> str:
        return self.model.similarity

    @property
    def name(self) -> str:
        return self.model.path.name

    def space(self, route: Route) -> Space:
        """The cache entry of a route."""
        return Space(
            {
                "weights": self.model.fingerprint(route),
                "prompt": self.reading.prompt(self.model, route),
                "max_length": self.reading.length(self.model),
                "precision": precision_of(self.reading.precision, self.device),
            }
        )

    def worker(self, route: Route) -> TorchEncoder:
        from hone.encoders.batched_inference import TorchEncoder

        return TorchEncoder(
            self.model.load(self.reading.length(self.model), self.device),
            route,
            self.reading.prompt(self.model, route),
            precision_of(self.reading.precision, self.device),
            self.batch_tokens,
        )

    def alone(self) -> AbstractContextManager:
        return torch_lock(self.device)


class _Work:
    """Encodes the missing texts of a stream, shard by shard."""

    def __init__(self, encoder: TextEncoder, space: Space, route: Route, total: int | None) -> None:
        self.encoder, self.space, self.route = encoder, space, route
        self.waiting: dict[tuple[int, int], str] = {}
        self.progress = Progress(
            f"{encoder.user or encoder.name}: encoding {route} texts", total or 0
        )

    def take(self, texts: list[str], keys: np.ndarray) -> None:
        absent = (self.space.find(keys)[:, 0] < 0).nonzero()[0]
        before = len(self.waiting)
        self.waiting |= {(int(keys[row, 0]), int(keys[row, 1])): texts[row] for row in absent}
        self.progress.total -= len(texts) - (len(self.waiting) - before)
        while len(self.waiting) >= self.encoder.rows_per_shard:
            self._encode_first(self.encoder.rows_per_shard)

    def finish(self) -> None:
        if self.waiting:
            self._encode_first(len(self.waiting))

    def _encode_first(self, count: int) -> None:
        """Encode the first `count` pending texts and store them as a shard."""
        with self.encoder.alone():
            self.space.refresh()  # another process may have encoded them meanwhile
            wanted = np.array(list(self.waiting)[:count], dtype=np.uint64)
            still = wanted[self.space.find(wanted)[:, 0] < 0]
            if len(still):
                texts = [self.waiting[int(high), int(low)] for high, low in still]
                worker, began = self.worker, time.monotonic()
                vectors = worker.encode(texts, self.progress)
                usage_log.read(usage_log.TEXTS, len(texts), time.monotonic() - began)
                refuse_no_numbers(vectors, texts, self.encoder.user or self.encoder.name)
                self.space.add(still, vectors, worker.reported)
        for high, low in wanted:
            del self.waiting[int(high), int(low)]

    @cached_property
    def worker(self) -> Worker:
        return self.encoder.worker(self.route)


def refuse_no_numbers(vectors: np.ndarray, texts: list[str], who: str) -> None:
    """Raise Refused if a vector [n, d] contains NaN or infinity. The message shows one of the
    texts.
    """
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise Refused(
            f"{who} returned NaN or infinity in {len(bad):,} of {len(vectors):,} vectors, such as "
            f"that of {texts[bad[0]][:80]!r}. "
            "They are not stored. Either training diverged (lower the learning rate), or the "
            "precision is too low (set "
            "`model.precision: fp32`)."
        )


def encoder_for(model: Path, settings: dict, machine: dict, user: str | None = None) -> Encoder:
    """The encoder of a model folder, with the resolved settings, on the device of params.yaml."""
    folder = ModelFolder(Path(model))
    return Encoder(
        folder, Reading.of(settings), device_of(machine["device"]), machine["batch_tokens"], user
    )
