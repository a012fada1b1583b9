"""The training set: the queries, labels and documents of the collections that are trained on, as `start` admitted them.

`start` writes a list of these tables with their hashes. Later stages depend on that list, so that a change in any of
them runs them again and a change in a collection that is only evaluated on does not. Test queries are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tasks import tables
from tasks.errors import Refused
from tasks.files import fingerprint_of_file, read_json
from tasks.metadata import Metadata
from tasks.own_id import OwnId
from tasks.tables import Documents

LIST = Path("rounds/r0/training.json")
TABLES = (
    "documents.parquet",
    "metadata.parquet",
    "train/queries.parquet",
    "train/qrels.parquet",
    "dev/queries.parquet",
    "dev/qrels.parquet",
)


@dataclass(frozen=True)
class TrainingCollection:
    """One collection that is trained on. Ids carry its name as a prefix where several are joined."""

    name: str
    folder: Path
    share: float | None
    min_relevance: int
    language: str
    prefix: str
    own_id: OwnId = field(default="keep", kw_only=True)

    @property
    def documents(self) -> Documents:
        return Documents(self.folder / "documents.parquet", self.prefix)

    @property
    def metadata(self) -> Metadata:
        return Metadata(self.folder / "metadata.parquet", self.name, self.prefix)

    def queries(self, split: str = "train") -> pl.DataFrame:
        """query_id, text and collection."""
        return self._named(tables.read("queries", self.folder / split / "queries.parquet")).with_columns(collection=pl.lit(self.name))

    def qrels(self, split: str = "train") -> pl.DataFrame:
        """The known labels; doc_id may name the parent of chunks."""
        return self._named(tables.read("qrels", self.folder / split / "qrels.parquet"))

    def _named(self, frame: pl.DataFrame) -> pl.DataFrame:
        ids = [name for name in ("query_id", "doc_id") if name in frame.columns]
        return frame.with_columns(tables.prefixed(self.prefix, *ids)) if self.prefix else frame


@dataclass(frozen=True)
class TrainingSet:
    """All collections that are trained on."""

    collections: tuple[TrainingCollection, ...]

    def __iter__(self):
        return iter(self.collections)

    def queries(self, split: str = "train") -> pl.DataFrame:
        return pl.concat([collection.queries(split) for collection in self.collections])

    def texts(self, ids: Iterable[str]) -> pl.DataFrame:
        """doc_id, full_text and parent_id of documents."""
        wanted = list(ids)
        return pl.concat([collection.documents.texts(wanted) for collection in self.collections])


def admit(
    names: list[str], shares: dict[str, float], min_relevance: dict[str, int], language: dict[str, str], own_id: dict[str, OwnId]
) -> dict:
    """The list of training tables, with their hashes."""
    return {
        "collections": {
            name: {
                "share": shares.get(name),
                "min_relevance": min_relevance[name],
                "language": language[name],
                "prefix": f"{name}/" if len(names) > 1 else "",
                "own_id": own_id[name],
                "tables": {table: fingerprint_of_file(Path("data") / name / table) for table in TABLES},
            }
            for name in names
        }
    }


def read(file: Path = LIST) -> TrainingSet:
    """The training set.

    Raises:
        Refused: a table is not the one that was admitted.
    """
    if not file.exists():
        raise Refused(f"{file} is missing: `dvc repro start` writes it (and `dvc repro` runs all that needs it).")
    listed = read_json(file)["collections"]
    for name, item in listed.items():
        for table, expected in item["tables"].items():
            path = Path("data") / name / table
            if not path.exists() or fingerprint_of_file(path) != expected:
                raise Refused(f"{path} is missing or was changed since `start` admitted it: run `dvc repro`.")
    return TrainingSet(
        tuple(
            TrainingCollection(
                name,
                Path("data") / name,
                item["share"],
                item["min_relevance"],
                item["language"],
                item["prefix"],
                own_id=item.get("own_id", "keep"),
            )
            for name, item in listed.items()
        )
    )
