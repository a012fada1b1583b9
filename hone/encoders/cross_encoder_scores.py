"""Scores of a cross-encoder for pairs of texts: from the cache, or computed and stored.

The cache stores them like one-dimensional vectors. The address covers everything a score depends on
(weights, tokenizer, length, precision). The key is the hash of query and document. An interrupted
run resumes at its first missing shard.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hone.encoders import usage_log
from hone.encoders.cross_encoder_folder import CrossModel
from hone.encoders.device_lock import torch_lock
from hone.encoders.encoder import ROWS_PER_SHARD
from hone.encoders.precision import precision_of
from hone.encoders.store import KEY_BYTES, Space, Vectors
from hone.errors import Refused
from hone.stage import Progress

if TYPE_CHECKING:
    from hone.encoders.cross_encoder_inference import TorchCrossEncoder

SCORES = "cross-encoder"  # the kind of such an entry in the embedding cache


@dataclass(frozen=True)
class CrossScorer:
    """One cross-encoder with one maximum length and one precision.

    Args:
        model: its folder.
        max_length: tokens of query and document together. Null: the model's maximum.
        precision: "fp32", "bf16" or "fp16" of all layers but the last, which is fp32. "auto": the
            fast one on this device.
        device: the torch device.
        batch_tokens: tokens in a batch. Null: a default for the device.
        user: the caller, shown by `hone cache`.
    """

    model: CrossModel
    max_length: int | None = None
    precision: str = "auto"
    device: str = "cpu"
    batch_tokens: int | None = None
    user: str | None = None

    @property
    def name(self) -> str:
        return self.user or self.model.path.name

    def space(self) -> Space:
        """The cache entry of its scores."""
        return Space(
            {
                "scores": SCORES,
                "weights": self.model.fingerprint(),
                "max_length": self.max_length or "its own",
                "precision": precision_of(self.precision, self.device),
                **({"prompt": self.model.prompt} if self.model.prompt else {}),
            }
        )

    def logits(
        self, queries: Sequence[str], documents: Sequence[str], pairs: np.ndarray
    ) -> np.ndarray:
        """Logits of pairs of texts.

        Args:
            queries: n texts.
            documents: m texts.
            pairs: [k, 2], rows of `queries` and of `documents`.

        Returns:
            [k] in fp32, before any activation.

        Raises:
            Refused: the model cannot be used, supports fewer tokens, or returns NaN.

        Pairs of all queries are scored together, longest first, in shards of 4,096. The batches do
        not depend on the order of the request or on interruptions. Pairs with equal texts are
        scored once.
        """
        if not len(pairs):
            return np.empty(0, dtype=np.float32)
        self._refuse_length()
        space, keys = self.space(), pair_keys(queries, documents, pairs)
        usage_log.log_requested(usage_log.PAIRS, space.folder, keys)
        missing = self._missing(space, keys, queries, documents, pairs)
        progress = Progress(f"{self.name}: scoring pairs", len(missing))
        for start in range(0, len(missing), ROWS_PER_SHARD):
            self._score(
                space,
                keys,
                missing[start : start + ROWS_PER_SHARD],
                queries,
                documents,
                pairs,
                progress,
            )
        if self.user:
            space.used_by(self.user)
        found = Vectors(space, space.find(keys), unit=False)
        return np.concatenate([block[:, 0] for _, block in found.blocks()])

    def probabilities(
        self, queries: Sequence[str], documents: Sequence[str], pairs: np.ndarray
    ) -> np.ndarray:
        """The sigmoid of the logits: [k] from 0 to 1, whatever the model's own activation. See
        `logits`.
        """
        return sigmoid(self.logits(queries, documents, pairs))

    def _refuse_length(self) -> None:
        bound = self.model.positions
        if self.max_length and bound and self.max_length > bound:
            raise Refused(
                f"max_length is {self.max_length}, but {self.model.path} supports at most {bound} "
                "tokens. Lower it."
            )

    def _missing(
        self,
        space: Space,
        keys: np.ndarray,
        queries: Sequence[str],
        documents: Sequence[str],
        pairs: np.ndarray,
    ) -> np.ndarray:
        """Rows of `pairs` missing in the cache, each text pair once, longest first, ties by
        hash.
        """
        absent = (space.find(keys)[:, 0] < 0).nonzero()[0]
        _, first = np.unique(keys[absent], axis=0, return_index=True)
        rows = absent[first]  # sorted by hash
        long = (
            np.array([len(text) for text in queries])[pairs[rows, 0]]
            + np.array([len(text) for text in documents])[pairs[rows, 1]]
        )
        return rows[np.argsort(-long, kind="stable")]

    def _score(
        self,
        space: Space,
        keys: np.ndarray,
        rows: np.ndarray,
        queries: Sequence[str],
        documents: Sequence[str],
        pairs: np.ndarray,
        progress: Progress,
    ) -> None:
        """Score some rows and store them as a shard, except those that another process has
        scored meanwhile.
        """
        with torch_lock(self.device):
            space.refresh()
            still = rows[space.find(keys[rows])[:, 0] < 0]
            progress.total -= len(rows) - len(still)
            if not len(still):
                return
            texts = [(queries[query], documents[document]) for query, document in pairs[still]]
            forward, began = self._forward, time.monotonic()
            made = forward.encode(texts, progress)
            usage_log.read(usage_log.PAIRS, len(texts), time.monotonic() - began)
            bad = np.flatnonzero(~np.isfinite(made[:, 0]))
            if len(bad):
                raise Refused(
                    f"{self.name} returned NaN or infinity for {len(bad):,} of {len(made):,} "
                    "scores, such as that of the query "
                    f"{texts[bad[0]][0][:80]!r} with the document {texts[bad[0]][1][:80]!r}. They "
                    "are not stored. Either training "
                    "diverged (lower the learning rate), or the precision is too low (set "
                    "`precision: fp32`)."
                )
            space.add(keys[still], made)

    @cached_property
    def _forward(self) -> TorchCrossEncoder:
        from hone.encoders.cross_encoder_inference import TorchCrossEncoder

        loaded = self.model.load(self.max_length, self.device)
        return TorchCrossEncoder(
            loaded, precision_of(self.precision, self.device), self.batch_tokens
        )


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x) in fp32, without overflow."""
    from scipy.special import expit

    return expit(np.asarray(logits, dtype=np.float32))


def pair_keys(queries: Sequence[str], documents: Sequence[str], pairs: np.ndarray) -> np.ndarray:
    """The keys of scores: [k, 2] of unsigned 64-bit integers. The query's length comes first, so
    keys of different pairs differ.
    """
    begun = {}
    for number in np.unique(pairs[:, 0]):
        text = queries[number].encode()
        begun[number] = hashlib.blake2b(
            len(text).to_bytes(8, "little") + text, digest_size=KEY_BYTES
        )
    digests = []
    for query, document in pairs:
        digest = begun[query].copy()
        digest.update(documents[document].encode())
        digests.append(digest.digest())
    return np.frombuffer(b"".join(digests), dtype="<u8").reshape(-1, 2)
