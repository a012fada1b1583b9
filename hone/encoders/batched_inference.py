"""Batched forward pass of an encoder: length-sorted batches at an explicit precision."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from hone.encoders.model_folder import Route
from hone.encoders.precision import mkl_is_slow
from hone.errors import Refused
from hone.stage import Progress

# Tokens in a batch, with padding. On a CPU, small batches stay in its caches.
TOKENS_ON_CPU, TOKENS_ON_GPU = 2048, 32_768
# Texts tokenized at once. They have similar lengths already, so padding is small.
ROWS_PER_SLICE = 512
# CPU workers with batches of their own. More would wait for the Python interpreter.
MOST_WORKERS = 8
PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}

Features = dict[str, torch.Tensor | str | int]


class TorchEncoder:
    """An encoder that runs as fast as the device allows.

    On a CPU, each worker processes its own batches: cores that share every small operation wait for
    one another (seven times slower on two cores). On a GPU, a batch that exceeds its memory is
    halved.

    Args:
        model: the torch model on its device, with its maximum length set. Its weights may be
            rounded in place.
        route: whether the texts are queries or documents.
        prompt: the prefix of each text.
        precision: "fp32", or "bf16" or "fp16" (autocast), independent of the precision in training.
        batch_tokens: tokens in a batch. Null: a default for the device.
    """

    reported: str | None = None  # the weights determine the cache address

    def __init__(
        self,
        model: SentenceTransformer,
        route: Route,
        prompt: str,
        precision: str,
        batch_tokens: int | None = None,
    ) -> None:
        self.model = model.eval()
        self.route, self.prompt, self.precision = route, prompt, precision
        if kind := PRECISIONS.get(precision):
            # Autocast would do this for every batch. Doing it once gives the same values in 90 % of
            # the time.
            for module in model.modules():
                if isinstance(module, torch.nn.Linear):
                    module.to(kind)
        self.on_cpu = model.device.type == "cpu"
        if (
            self.on_cpu
            and precision == "fp32"
            and mkl_is_slow()
            and torch.backends.mkldnn.is_available()
        ):
            for module in model.modules():
                if type(module) is torch.nn.Linear:
                    module.forward = partial(through_onednn, module)
        self.batch_tokens = batch_tokens or (TOKENS_ON_CPU if self.on_cpu else TOKENS_ON_GPU)
        self.workers = min(torch.get_num_threads(), MOST_WORKERS) if self.on_cpu else 1

    def encode(self, texts: list[str], progress: Progress | None = None) -> np.ndarray:
        """Embeddings [n, d] in fp32 of n texts, in order. Normalized only if the model
        normalizes.
        """
        progress = progress or Progress(f"encoding {self.route} texts", len(texts))
        order = np.argsort([-self._size(text) for text in texts], kind="stable")
        vectors: np.ndarray | None = None
        for rows, made in self._in_parallel(self._batches(texts, order)):
            if vectors is None:
                vectors = np.empty((len(texts), made.shape[1]), dtype=np.float32)
            vectors[rows] = made
            progress.add(len(rows))
        return vectors if vectors is not None else np.empty((0, 0), dtype=np.float32)

    def _batches(
        self, texts: list[str], order: np.ndarray
    ) -> Iterator[tuple[np.ndarray, Features]]:
        """Rows and features of each batch, long texts first, within the token limit."""
        for start in range(0, len(order), ROWS_PER_SLICE):
            rows = order[start : start + ROWS_PER_SLICE]
            features = self._features([texts[row] for row in rows])
            lengths = token_counts(features, len(rows))
            by_length = np.argsort(-lengths, kind="stable")
            first = 0
            while first < len(rows):
                size = max(1, self.batch_tokens // max(1, int(lengths[by_length[first]])))
                chosen = by_length[first : first + size]
                yield rows[chosen], part_of(features, chosen, len(rows))
                first += size

    def _in_parallel(
        self, batches: Iterator[tuple[np.ndarray, Features]]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows and embeddings of all batches, in any order, computed by one thread for each
        worker.
        """
        if self.workers == 1:
            for rows, features in batches:
                yield from self._forward(rows, features)
            return
        threads = torch.get_num_threads()
        taking = threading.Lock()

        def work() -> list[tuple[np.ndarray, np.ndarray]] | None:
            torch.set_num_threads(max(1, threads // self.workers))
            with taking:
                batch = next(batches, None)
            return None if batch is None else list(self._forward(*batch))

        with ThreadPoolExecutor(self.workers) as pool:
            running = [pool.submit(work) for _ in range(2 * self.workers)]
            while running:
                made = running.pop(0).result()
                if made is not None:
                    running.append(pool.submit(work))
                    yield from made
        torch.set_num_threads(threads)

    def _forward(
        self, rows: np.ndarray, features: Features
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows and embeddings of one batch. If memory runs out, split it and halve the token
        limit permanently.
        """
        try:
            with torch.no_grad(), self._autocast():
                on_device = {
                    name: value.to(self.model.device) if torch.is_tensor(value) else value
                    for name, value in features.items()
                }
                vectors = self._output(on_device).float().cpu().numpy()
            yield rows, vectors
            return
        except torch.OutOfMemoryError:
            if len(rows) == 1:
                raise Refused(
                    f"the device {self.model.device} has too little memory for one text of "
                    f"{self.model.max_seq_length} tokens. "
                    "Lower model.max_length, or set machine.device: cpu."
                ) from None
            self.batch_tokens = max(1, self.batch_tokens // 2)
        half = np.arange(len(rows)) < len(rows) // 2
        for side in (half, ~half):
            chosen = side.nonzero()[0]
            yield from self._forward(rows[chosen], part_of(features, chosen, len(rows)))

    def _size(self, text: str) -> int:
        """The approximate length of a text, for grouping texts into batches."""
        return len(text)

    def _features(self, texts: list[str]) -> Features:
        """The tokenized inputs of the model."""
        return self.model.preprocess(texts, prompt=self.prompt or None, task=self.route)

    def _output(self, features: Features) -> torch.Tensor:
        """Embeddings [n, d] of a batch."""
        return self.model(features)["sentence_embedding"]

    def _autocast(self) -> torch.autocast:
        kind = PRECISIONS.get(self.precision)
        return torch.autocast(
            self.model.device.type, dtype=kind or torch.bfloat16, enabled=kind is not None
        )


def through_onednn(linear: torch.nn.Linear, inputs: torch.Tensor) -> torch.Tensor:
    """A linear layer in fp32 by oneDNN where torch would use MKL. It is the operation that
    torch.compile calls.
    """
    return torch.ops.mkldnn._linear_pointwise(inputs, linear.weight, linear.bias, "none", [], "")


def token_counts(features: Features, count: int) -> np.ndarray:
    """The token count of each of `count` texts, without padding. All equal if the model has no
    attention mask.
    """
    mask = features.get("attention_mask")
    if not torch.is_tensor(mask) or mask.ndim != 2 or len(mask) != count:
        return np.ones(count, dtype=np.int64)
    return mask.sum(1).numpy()


def part_of(features: Features, rows: np.ndarray, count: int) -> Features:
    """The features of some of `count` texts, without columns that are padding for all of them."""
    chosen = torch.from_numpy(np.ascontiguousarray(rows))
    part = {
        name: value[chosen]
        if torch.is_tensor(value) and value.ndim and len(value) == count
        else value
        for name, value in features.items()
    }
    mask = part.get("attention_mask")
    if not torch.is_tensor(mask) or mask.ndim != 2:
        return part
    used = mask.any(0)
    return {
        name: value[:, used] if torch.is_tensor(value) and value.shape == mask.shape else value
        for name, value in part.items()
    }
