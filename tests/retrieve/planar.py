"""An encoder of vectors in the plane, through the real store: a text is its angle in degrees,
and its length where it is not 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from hone.data import tables
from hone.data.tables import Documents
from hone.encoders.encoder import TextEncoder
from hone.encoders.store import Space


@dataclass
class Planar(TextEncoder):
    """Reads "30" as the vector at 30 degrees and "30 2" as twice as long; `stretch` multiplies the
    angles of documents.

    `read` has every document that it had to encode.
    """

    stretch: float = 1.0
    similarity: str = "cosine"
    user: str | None = None
    read: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"planar {self.stretch}"

    def space(self, route: str) -> Space:
        return Space({"weights": f"{self.name} {route}"})

    def worker(self, route: str) -> Planar:
        self.route = route
        return self

    def alone(self) -> nullcontext:
        return nullcontext()

    reported = None

    def encode(self, texts: list[str], progress: object) -> np.ndarray:
        if self.route == "document":
            self.read += texts
        numbers = np.array([[*map(float, text.split()), 1.0][:2] for text in texts])
        angles = np.radians(numbers[:, 0] * (self.stretch if self.route == "document" else 1.0))
        return (numbers[:, 1:] * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype(
            np.float32
        )


@dataclass
class PlanarModels:
    """The newest model, teachers by name, and the base model."""

    newest: Planar = field(default_factory=Planar)
    first: Planar = field(default_factory=Planar)
    teachers: dict[str, Planar] = field(default_factory=dict)

    def encoder(self, name: str | None = None) -> Planar:
        return self.newest if name is None else self.teachers[name]

    def base(self) -> Planar:
        return self.first


def documents_at(
    folder: Path, angles: dict[str, str | float], parents: dict[str, str] | None = None
) -> Documents:
    """A collection of documents at angles; `parents` names what some are passages of."""
    frame = pl.DataFrame(
        {
            "doc_id": list(angles),
            "text": list(map(str, angles.values())),
            "parent_id": [(parents or {}).get(name) for name in angles],
        },
        schema={"doc_id": pl.String, "text": pl.String, "parent_id": pl.String},
    )
    tables.write("documents", tables.shaped("documents", frame), folder / "documents.parquet")
    return Documents(folder / "documents.parquet")


def queries_at(**angles: str | float) -> pl.DataFrame:
    return pl.DataFrame(
        {"query_id": list(angles), "text": list(map(str, angles.values()))},
        schema={"query_id": pl.String, "text": pl.String},
    )


def positives(pairs: Iterable[tuple[str, str]]) -> pl.DataFrame:
    """Labels: known positives."""
    rows = [
        {"query_id": query, "doc_id": doc, "label": "positive", "judge": "qrels"}
        for query, doc in pairs
    ]
    return tables.shaped("labels", pl.DataFrame(rows)) if rows else tables.empty("labels")


def ranked(found: pl.DataFrame) -> dict[str, list[str]]:
    """Each query's documents in their order; asserts that they stand together, ranked 1, 2, 3,
    and that none is there twice.
    """
    assert found["query_id"].rle_id().n_unique() == found["query_id"].n_unique()
    lists = {
        query: frame
        for (query,), frame in found.partition_by(
            "query_id", as_dict=True, maintain_order=True
        ).items()
    }
    for frame in lists.values():
        assert frame["rank"].to_list() == list(range(1, len(frame) + 1))
        assert frame["doc_id"].n_unique() == len(frame)
    return {query: frame["doc_id"].to_list() for query, frame in lists.items()}
