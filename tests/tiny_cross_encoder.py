"""A cross-encoder of sentence-transformers with random weights that scores in a blink."""

from __future__ import annotations

import gc
import shutil
from functools import partial
from pathlib import Path

from tests.templates import copied
from tests.tiny_model import WORDS


def tiny_cross_encoder(folder: Path, *, seed: int = 0, labels: int = 1) -> Path:
    """Save a BERT of two layers that scores a pair of texts, with random weights. Returns the
    folder.
    """
    import torch

    copied(folder, partial(_save, seed=seed, labels=labels), "cross-encoder", seed, labels)
    torch.manual_seed(seed)
    return folder


def _save(folder: Path, *, seed: int, labels: int) -> None:
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    gc.freeze()  # as in tiny_model.py
    torch.manual_seed(seed)
    inner = folder.with_name(f"{folder.name}-inner")
    inner.mkdir(parents=True)
    (inner / "vocab.txt").write_text(
        "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])
    )
    BertTokenizer(str(inner / "vocab.txt")).save_pretrained(inner)
    config = BertConfig(
        vocab_size=5 + len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        num_labels=labels,
        initializer_range=0.5,
    )
    BertForSequenceClassification(config).save_pretrained(inner)
    CrossEncoder(str(inner), device="cpu", max_length=64).save_pretrained(str(folder))
    shutil.rmtree(inner)
