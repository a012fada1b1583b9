"""A sentence-transformers model with random weights that encodes in a blink."""

from __future__ import annotations

import gc
from functools import partial
from pathlib import Path

from tests.templates import copied

WORDS = (
    "red green blue round square big small cat dog bird tree stone water fire light dark "
    "sweet sour salt hot cold old new"
).split()


def tiny_model(
    folder: Path, *, seed: int = 0, prompts: dict[str, str] | None = None, dropout: float = 0.1
) -> Path:
    """Save a BERT of two layers and 32 dimensions, mean pooling, with a vocabulary of `WORDS`.
    Returns the folder.
    """
    import torch

    copied(
        folder,
        partial(_save, seed=seed, prompts=prompts, dropout=dropout),
        "encoder",
        seed,
        prompts,
        dropout,
    )
    torch.manual_seed(seed)
    return folder


def _save(folder: Path, *, seed: int, prompts: dict[str, str] | None, dropout: float) -> None:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    # transformers collects garbage after each training; imported objects are excluded from now on
    gc.freeze()
    torch.manual_seed(seed)
    inner = folder.with_name(f"{folder.name}-inner")
    inner.mkdir(parents=True)
    vocabulary = inner / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ":", *WORDS]))
    BertTokenizer(str(vocabulary)).save_pretrained(inner)
    config = BertConfig(
        vocab_size=6 + len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(inner)
    transformer = Transformer(str(inner), max_seq_length=32)
    model = SentenceTransformer(
        modules=[transformer, Pooling(32, pooling_mode="mean")],
        prompts=prompts,
        similarity_fn_name="cosine",
        device="cpu",
    )
    model.save_pretrained(str(folder), create_model_card=False)
