"""Random numbers derived from the seed in params.yaml and from their purpose, so no two uses
share a draw.
"""

from __future__ import annotations

import hashlib
import zlib

import numpy as np


def seed_of(seed: int, *purpose: str) -> int:
    """A seed (32 bits) for one purpose, such as ("r2", "sample")."""
    return int(
        np.random.SeedSequence(
            [seed, *(zlib.crc32(word.encode()) for word in purpose)]
        ).generate_state(1)[0]
    )


def generator(seed: int, *purpose: str) -> np.random.Generator:
    """A random generator for one purpose."""
    return np.random.default_rng(seed_of(seed, *purpose))


def unit_hashes(texts: list[str], seed: int = 0) -> np.ndarray:
    """A number in [0, 1) for each text. It depends only on the text and the seed."""
    digests = b"".join(
        hashlib.blake2b(text.encode(), digest_size=8, salt=seed.to_bytes(8, "little")).digest()
        for text in texts
    )
    return np.frombuffer(digests, dtype="<u8") / 2**64
