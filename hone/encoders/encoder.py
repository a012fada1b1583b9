"""Texts to vectors: from the store where they are there, else encoded in batches of equal length and kept."""

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
    """How an encoder reads texts, in training as in encoding: length in tokens, prompts, precision."""

    max_length: int | None = None
    prompts: tuple[tuple[Route, str | None], ...] = ()
    precision: str = "fp32"

    @classmethod
    def of(cls, settings: dict) -> Reading:
        """From the part `model` of a stage's resolved settings."""
        return cls(settings["max_length"], tuple(settings["prompts"].items()), settings["precision"])

    def prompt(self, model: ModelFolder, route: Route) -> str:
        """What is put before a text: the setting, or the model's own where there is none."""
        given = dict(self.prompts).get(route)
        return model.prompt(route) if given is None else given

    def length(self, model: ModelFolder, in_training: int | None = None) -> int:
        """Tokens after which a text is cut off.

        Args:
            model: the folder.
            in_training: a recipe's `train.max_length`, for training; null: as in encoding.

        Raises:
            Refused: more than the model can tell apart.
        """
        length = in_training or self.max_length or model.max_length
        if model.positions and length > model.positions:
            setting = "train.max_length" if in_training else "model.max_length"
            raise Refused(f"{setting} is {length}, but {model.path} was made for at most {model.positions} tokens. Lower it.")
        return length


class TextEncoder(ABC):
    """What makes vectors of texts and keeps them in the store: a model on this machine, or an endpoint."""

    user: str | None

    @property
    def rows_per_shard(self) -> int:
        """Texts whose vectors are kept at once: what a kill loses."""
        return ROWS_PER_SHARD

    @property
    @abstractmethod
    def similarity(self) -> str:
        """ "cosine" or "dot": how its vectors are compared."""

    @property
    @abstractmethod
    def name(self) -> str:
        """How it is called where nobody is named who asks."""

    @abstractmethod
    def space(self, route: Route) -> Space:
        """Where the vectors of a route lie."""

    @abstractmethod
    def worker(self, route: Route) -> Worker:
        """What makes vectors that the store lacks."""

    @abstractmethod
    def alone(self) -> AbstractContextManager:
        """Held while vectors are made."""

    def queries(self, texts: list[str]) -> Vectors:
        return self.vectors([texts], "query", len(texts))

    def documents(self, documents: Documents) -> Vectors:
        return self.vectors(documents.chunks(), "document", len(documents))

    def documents_of(self, documents: Documents, wanted: pl.Series) -> tuple[pl.Series, Vectors]:
        """doc_ids and vectors of those of `wanted` that the collection has, in its order."""
        doc_ids: list[str] = []

        def texts() -> Iterator[list[str]]:
            for ids, chunk in documents.chunks_of(wanted):
                doc_ids.extend(ids)
                yield chunk

        vectors = self.vectors(texts(), "document", len(wanted))
        return pl.Series(doc_ids, dtype=pl.String), vectors

    def vectors(self, texts: Iterable[list[str]], route: Route, total: int | None = None) -> Vectors:
        """The vectors of all texts, in their order.

        Args:
            texts: in chunks, so that a collection need not be in memory.
            route: whether they are queries or documents.
            total: how many there are, for the remaining time; null where it is not known.

        What the store lacks is gathered, in order, into shards of 4,096 texts (of an endpoint fewer); inside a shard the texts
        are sorted by length. A killed run goes on at its first missing shard with the very batches it would have had.
        """
        space = self.space(route)
        work = _Work(self, space, route, total)
        asked = []
        for chunk in texts:
            keys = keys_of(chunk)
            usage_log.asked(usage_log.TEXTS, space.folder, keys)
            work.take(chunk, keys)
            asked.append(keys)
        work.finish()
        if self.user:
            space.used_by(self.user)
        places = [space.find(keys) for keys in asked]
        return Vectors(space, np.concatenate([np.empty((0, 2), dtype=np.int32), *places]), unit=self.similarity == "cosine")


class Worker(Protocol):
    """Makes vectors.

    Attributes:
        reported: what an endpoint calls the model that made them; null: a model on this machine, or the endpoint does not say.
    """

    reported: str | None

    def encode(self, texts: list[str], progress: Progress) -> np.ndarray:
        """Vectors [n, d], fp32, in the order of the texts."""


@dataclass(frozen=True)
class Encoder(TextEncoder):
    """One model with one way of reading.

    Args:
        model: its folder.
        reading: length, prompts, precision.
        device: where torch works.
        batch_tokens: tokens in a batch; null: what suits the device.
        user: who asks, as `hone store` shows it.
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
        """Where the vectors of a route lie."""
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
    """What of a stream of texts is not in the store yet, encoded shard by shard."""

    def __init__(self, encoder: TextEncoder, space: Space, route: Route, total: int | None) -> None:
        self.encoder, self.space, self.route = encoder, space, route
        self.waiting: dict[tuple[int, int], str] = {}
        self.progress = Progress(f"{encoder.user or encoder.name}: encoding {route} texts", total or 0)

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
        """Encode the first `count` waiting texts and keep them as a shard."""
        with self.encoder.alone():
            self.space.refresh()  # another process may have encoded them while this one waited
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
    """Raises Refused where a vector [n, d] has what is not a number, or is infinite: one of those texts is named."""
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise Refused(
            f"{who} makes {len(bad):,} of {len(vectors):,} vectors that are no numbers, such as that of {texts[bad[0]][:80]!r}. They "
            "are not kept. The model is broken: its training may have diverged (a lower learning rate), or its precision is too low for it "
            "(`model.precision: fp32`)."
        )


def encoder_for(model: Path, settings: dict, machine: dict, user: str | None = None) -> Encoder:
    """The encoder of a model folder, read as the resolved settings say, on the device that params.yaml says."""
    folder = ModelFolder(Path(model))
    return Encoder(folder, Reading.of(settings), device_of(machine["device"]), machine["batch_tokens"], user)
