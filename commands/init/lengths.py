"""The maximum text length: the smallest usual one that truncates few documents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from hone.data.tables import full_text
from hone.encoders.model_folder import ModelFolder
from hone.encoders.text_lengths import token_counts
from hone.seeds import generator

LENGTHS = (64, 96, 128, 192, 256, 384, 512)  # tokens
MOST_CUT = 0.05  # fraction of documents that may be truncated [Hone default]
SAMPLE = 2_000  # documents whose tokens are counted [Hone default]
SEED = 13


@dataclass(frozen=True)
class Length:
    """A maximum length and its effect.

    Attributes:
        tokens: the maximum length.
        cut: fraction of the sampled documents that are truncated.
        sampled: number of sampled documents.
        own: the model's own maximum length.
        limit: the largest length that the model supports.
    """

    tokens: int
    cut: float
    sampled: int
    own: int
    limit: int


def choose(documents: pl.DataFrame, model: ModelFolder) -> Length:
    """The smallest of LENGTHS, or the model's limit, that truncates at most MOST_CUT of a sample.

    Args:
        documents: title, text.
        model: the model, whose tokenizer and document prompt count.

    Raises:
        Refused: the model has no tokenizer.json.
    """
    texts = sample(documents.select(full_text())["full_text"])
    counts = token_counts(texts.to_list(), model.path, model.prompt("document"))
    limit = model.positions or model.max_length
    return of_counts(counts, model.max_length, limit)


def sample(texts: pl.Series) -> pl.Series:
    """At most SAMPLE texts, drawn with a fixed seed, in their order."""
    if len(texts) <= SAMPLE:
        return texts
    drawn = generator(SEED, "init", "lengths").choice(len(texts), SAMPLE, replace=False)
    return texts.gather(np.sort(drawn))


def of_counts(counts: np.ndarray, own: int, limit: int) -> Length:
    """The length for documents with these token counts [n]."""
    lengths = [length for length in LENGTHS if length < limit] + [min(limit, LENGTHS[-1])]
    for length in lengths:
        cut = float((counts > length).mean()) if len(counts) else 0.0
        if cut <= MOST_CUT or length == lengths[-1]:
            return Length(length, cut, len(counts), own, limit)
    raise AssertionError
