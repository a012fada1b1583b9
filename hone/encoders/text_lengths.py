"""How much of the texts a model reads: their tokens, counted by its own tokenizer, against the length at which it cuts."""

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

MOST = 20_000  # texts of a collection that are counted; of more, so many, evenly spaced
TEXTS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Cut:
    """What of some texts is not read.

    Attributes:
        texts: how many there are.
        counted: how many were counted; where these are fewer, the figures are estimates.
        cut: of the counted, how many are longer than `length`.
        tokens: of the counted, prompt and special tokens included.
        lost: of these tokens, those after `length`.
        length: tokens that the model reads of a text.
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
        """The fraction of texts that are cut."""
        return self.cut / self.counted if self.counted else 0.0

    @property
    def share_lost(self) -> float:
        """The fraction of tokens that are not read."""
        return self.lost / self.tokens if self.tokens else 0.0

    def told(self, what: str = "documents") -> str:
        """A sentence without its subject, such as "100 of 100 documents are cut after 96 tokens: 68.0 % of all tokens are not read"."""
        lost = f"{self.share_lost:.1%}".replace("%", " %")
        if self.estimated:
            share = f"{self.share_cut:.1%}".replace("%", " %")
            return (
                f"about {share} of {self.texts:,} {what} are cut after {self.length:,} tokens: about {lost} of all tokens are not read "
                f"(estimated from {self.counted:,} {what}, evenly spaced)"
            )
        return f"{self.cut:,} of {self.texts:,} {what} are cut after {self.length:,} tokens: {lost} of all tokens are not read"


def cut_of(counts: np.ndarray, texts: int, length: int) -> Cut:
    """What is not read of `texts` texts, of which those with these token counts [n] were counted."""
    over = np.maximum(counts - length, 0)
    return Cut(texts, len(counts), int((over > 0).sum()), int(counts.sum()), int(over.sum()), length)


def cut_documents(documents: Documents, model: ModelFolder, reading: Reading, in_training: int | None = None) -> Cut:
    """What of a collection's documents a model does not read.

    Args:
        documents: the collection.
        model: whose tokenizer counts.
        reading: with its prompt and length.
        in_training: a recipe's `train.max_length`; null: as in encoding.

    Raises:
        Refused: the model has no tokenizer.json.
    """
    count = len(documents)
    sample = scan("documents", documents.path).select(full_text()).gather_every(step_of(count)).collect(engine="streaming")["full_text"]
    counts = token_counts(sample.to_list(), model.path, reading.prompt(model, "document"))
    return cut_of(counts, count, reading.length(model, in_training))


def cut_texts(texts: pl.Series, model: ModelFolder, reading: Reading, route: str) -> Cut:
    """What of texts a model does not read; null counts as an empty text."""
    counts = token_counts(texts.gather_every(step_of(len(texts))).fill_null("").to_list(), model.path, reading.prompt(model, route))
    return cut_of(counts, len(texts), reading.length(model))


def step_of(count: int) -> int:
    """How far apart the texts stand that are counted."""
    return max(1, -(-count // MOST))


def token_counts(texts: Sequence[str], model: Path, prompt: str = "") -> np.ndarray:
    """Tokens of each text [n], with the prompt and special tokens, by a model's tokenizer.

    Raises:
        Refused: the model has no tokenizer.json.
    """
    import tokenizers

    files = sorted(Path(model).rglob("tokenizer.json"))
    if not files:
        raise Refused(f"{model} has no tokenizer.json, so that how long texts are for it is not known.")
    tokenizer = tokenizers.Tokenizer.from_file(str(files[0]))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return np.fromiter(
        (len(encoded) for part in in_parts(texts) for encoded in tokenizer.encode_batch_fast([prompt + text for text in part])),
        dtype=np.int64,
        count=len(texts),
    )


def in_parts(texts: Sequence[str]) -> Iterator[Iterable[str]]:
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        yield texts[start : start + TEXTS_AT_ONCE]
