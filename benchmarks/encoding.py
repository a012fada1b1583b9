"""Encoding, against `SentenceTransformer.encode` as documented: same model, texts and length."""

from __future__ import annotations

import numpy as np

from benchmarks.clock import in_turns, show
from benchmarks.workspace import documents, workspace
from hone.layout import BASE_MODEL

TEXTS, LENGTH, TIMES = 1536, 96, 2


def main() -> None:
    from hone.encoders.batched_inference import TorchEncoder
    from hone.encoders.model_folder import ModelFolder
    from hone.encoders.precision import precision_of

    with workspace():
        texts = documents()["text"].to_list()
        texts = texts[:: len(texts) // TEXTS][:TEXTS]
        folder = ModelFolder(BASE_MODEL)
        theirs = folder.load(LENGTH)
        fast = precision_of("auto", "cpu")
        ours = {
            kind: TorchEncoder(folder.load(LENGTH), "document", "", kind) for kind in ("fp32", fast)
        }
        made = {"theirs": theirs.encode(texts[:64], normalize_embeddings=True)}
        made |= {kind: encoder.encode(texts[:64]) for kind, encoder in ours.items()}
        unit = {
            kind: vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            for kind, vectors in made.items()
        }
        for kind in ours:
            cosine = (unit["theirs"] * unit[kind]).sum(1).min()
            print(f"encoding: lowest cosine between their vectors and ours in {kind}: {cosine:.5f}")
        best = in_turns(
            TIMES,
            theirs=lambda: theirs.encode(texts),
            **{kind: (lambda kind=kind: ours[kind].encode(texts)) for kind in ours},
        )
    show(
        f"encoding {TEXTS:,} documents, {fast} where they use fp32",
        best["theirs"],
        best[fast],
        "2.5",
    )
    show(f"encoding {TEXTS:,} documents, both fp32", best["theirs"], best["fp32"], "1.0")
