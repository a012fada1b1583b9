"""The disk space that a run needs."""

from __future__ import annotations

from pathlib import Path

from commands.plan.work import Work
from hone.config import params
from hone.files import read_json, size_of
from hone.layout import BASE_MODEL

BYTES_PER_NUMBER = 4


def disk(work: Work) -> float:
    """Bytes for two copies of each trained model (DVC caches one) and for the vectors of all
    texts.
    """
    from hone.encoders.model_folder import folder_of

    given = params.read().model
    source = BASE_MODEL if BASE_MODEL.is_dir() else folder_of(given.name, given.revision)
    return 2 * size_of(source) * len(work.train) + work.texts * dimension(source) * BYTES_PER_NUMBER


def dimension(source: Path) -> int:
    """The dimension of a model's vectors, from its configuration."""
    pooling = next(
        (
            read_json(file)
            for file in sorted(source.rglob("config.json"))
            if "Pooling" in file.parent.name
        ),
        {},
    )
    return (
        pooling.get("word_embedding_dimension")
        or pooling.get("embedding_dimension")
        or read_json(source / "config.json")["hidden_size"]
    )
