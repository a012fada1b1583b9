"""Truncation of texts: token counts by the model's own tokenizer, compared with its maximum
length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from hone.data.tables import Documents, full_text, scan
from hone.encoders.encoder import Reading
from hone.encoders.model_folder import ModelFolder
from hone.errors import Refused

MOST = 20_000  # counted texts of a collection; larger collections are sampled evenly
TEXTS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Cut:
    """Truncation statistics of some texts.

    Attributes:
        texts: number of texts.
        counted: number of counted texts. If it is lower, the figures are estimates.
        cut: counted texts longer than `length`.
        tokens: tokens of the counted texts, with prompt and special tokens.
        lost: truncated tokens among them.
        length: maximum tokens of a text.
    """

    texts: int
    counted: int
    cut: int
    tokens: int
    lost: int
    length: int

    @property
    def estimated(self) -> bool:
        return self.counted < self.texts

    @property
    def share_cut(self) -> float:
        """The fraction of truncated texts."""
        return self.cut / self.counted if self.counted else 0.0

    @property
    def share_lost(self) -> float:
        """The fraction of truncated tokens."""
        return self.lost / self.tokens if self.tokens else 0.0

    def describe(self, what: str = "documents") -> str:
        """A sentence without its subject, such as "100 of 100 documents are cut after 96 tokens:
        68.0 % of all tokens are not read".
        """
        lost = f"{self.share_lost:.1%}".replace("%", " %")
        if self.estimated:
            share = f"{self.share_cut:.1%}".replace("%", " %")
            return (
                f"about {share} of {self.texts:,} {what} are cut after {self.length:,} tokens: "
                f"about {lost} of all tokens are not "
                f"read (estimated from {self.counted:,} evenly spaced {what})"
            )
        return (
            f"{self.cut:,} of {self.texts:,} {what} are cut after {self.length:,} tokens: "
            f"{lost} of all tokens are not read"
        )


def cut_of(counts: np.ndarray, texts: int, length: int) -> Cut:
    """Statistics of `texts` texts, of which those with the token counts [n] were counted."""
    over = np.maximum(counts - length, 0)
    return Cut(
        texts, len(counts), int((over > 0).sum()), int(counts.sum()), int(over.sum()), length
    )


def cut_documents(
    documents: Documents, model: ModelFolder, reading: Reading, in_training: int | None = None
) -> Cut:
    """Truncation of a collection's documents by a model.

    Args:
        documents: the collection.
        model: the model with the tokenizer.
        reading: its prompt and maximum length.
        in_training: a recipe's `train.max_length`. Null: as in encoding.

    Raises:
        Refused: the model has no tokenizer.json.
    """
    count = len(documents)
    sample = (
        scan("documents", documents.path)
        .select(full_text())
        .gather_every(step_of(count))
        .collect(engine="streaming")["full_text"]
    )
    counts = token_counts(sample.to_list(), model.path, reading.prompt(model, "document"))
    return cut_of(counts, count, reading.length(model, in_training))


def cut_texts(texts: pl.Series, model: ModelFolder, reading: Reading, route: str) -> Cut:
    """Truncation of texts by a model. Null counts as an empty text."""
    counts = token_counts(
        texts.gather_every(step_of(len(texts))).fill_null("").to_list(),
        model.path,
        reading.prompt(model, route),
    )
    return cut_of(counts, len(texts), reading.length(model))


def step_of(count: int) -> int:
    """The distance between counted texts."""
    return max(1, -(-count // MOST))


def token_counts(texts: Sequence[str], model: Path, prompt: str = "") -> np.ndarray:
    """The token count of each text [n], with prompt and special tokens, by a model's tokenizer.

    Raises:
        Refused: the model has no tokenizer.json.
    """
    import tokenizers

    files = sorted(Path(model).rglob("tokenizer.json"))
    if not files:
        raise Refused(
            f"{model} has no tokenizer.json, so token counts are unknown. Save the model again "
            "with a fast tokenizer."
        )
    tokenizer = tokenizers.Tokenizer.from_file(str(files[0]))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return np.fromiter(
        (
            len(encoded)
            for part in in_parts(texts)
            for encoded in tokenizer.encode_batch_fast([prompt + text for text in part])
        ),
        dtype=np.int64,
        count=len(texts),
    )


def in_parts(texts: Sequence[str]) -> Iterator[Iterable[str]]:
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        yield texts[start : start + TEXTS_AT_ONCE]
