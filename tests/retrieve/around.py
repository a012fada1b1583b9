"""A small collection around known answers, for sources that look there: documents, labels,
metadata, models.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hone.data import tables
from hone.data.metadata import Metadata
from hone.data.tables import Documents
from hone.encoders.round_encoders import Models
from tests.tiny_model import tiny_model

READING = {"max_length": 32, "prompts": {}, "precision": "fp32"}
MACHINE = {"device": "cpu", "batch_tokens": None}


def documents(folder: Path, texts: dict[str, str]) -> Documents:
    file = folder / "documents.parquet"
    tables.write(
        "documents",
        tables.shaped(
            "documents", pl.DataFrame({"doc_id": list(texts), "text": list(texts.values())})
        ),
        file,
    )
    return Documents(file)


def metadata(folder: Path, *rows: tuple[str, str, str]) -> Metadata:
    file = folder / "metadata.parquet"
    tables.write(
        "metadata", pl.DataFrame(rows, schema=tables.SCHEMAS["metadata"], orient="row"), file
    )
    return Metadata(file, "ours")


def labels(*pairs: tuple[str, str], judge: str = "qrels") -> pl.DataFrame:
    columns = {"query_id": [query for query, _ in pairs], "doc_id": [doc for _, doc in pairs]}
    return tables.shaped(
        "labels", pl.DataFrame(columns).with_columns(label=pl.lit("positive"), judge=pl.lit(judge))
    )


def queries(**texts: str) -> pl.DataFrame:
    return pl.DataFrame({"query_id": list(texts), "text": list(texts.values())})


def models(folder: Path) -> Models:
    return Models(tiny_model(folder / "r0"), READING, MACHINE, {})


def cosines(given: Models, left: list[str], right: list[str]) -> list[list[float]]:
    """By sentence-transformers itself: of queries (rows) and documents (columns)."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(given.start), device="cpu")
    return (
        model.encode(left, normalize_embeddings=True)
        @ model.encode(right, normalize_embeddings=True).T
    ).tolist()
