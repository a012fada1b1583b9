"""The training set: queries, labels and documents of the training collections, as admitted by
`start`.

`start` writes a list of these tables with their hashes. Later stages depend on that list. A change
in one of these tables reruns them. A change in a collection used only for evaluation does not. Test
queries are not part of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from hone.data import tables
from hone.data.metadata import Metadata
from hone.data.own_id import OwnId
from hone.data.tables import Documents
from hone.errors import Refused
from hone.files import fingerprint_of_file, read_json
from hone.layout import DATA, TRAINING_LIST

TABLES = (
    "documents.parquet",
    "metadata.parquet",
    "train/queries.parquet",
    "train/qrels.parquet",
    "dev/queries.parquet",
    "dev/qrels.parquet",
)
# training queries without a labelled positive; older collected collections lack this table
UNLABELLED = "train/unlabelled.parquet"


@dataclass(frozen=True)
class TrainingCollection:
    """One training collection. Ids have its name as a prefix if several collections are joined.

    If `unlabelled` is set, its training queries include those without a labelled positive, for
    losses that need none.
    """

    name: str
    folder: Path
    share: float | None
    min_relevance: int
    language: str
    prefix: str
    own_id: OwnId = field(default="keep", kw_only=True)
    unlabelled: bool = field(default=False, kw_only=True)

    @property
    def documents(self) -> Documents:
        return Documents(self.folder / "documents.parquet", self.prefix)

    @property
    def metadata(self) -> Metadata:
        return Metadata(self.folder / "metadata.parquet", self.name, self.prefix)

    def queries(self, split: str = "train") -> pl.DataFrame:
        """query_id, text and collection."""
        own = self._named(
            tables.read("queries", self.folder / split / "queries.parquet")
        ).with_columns(collection=pl.lit(self.name))
        return (
            pl.concat([own, self.unanswered()], how="diagonal")
            if split == "train" and self.unlabelled
            else own
        )

    def unanswered(self) -> pl.DataFrame:
        """query_id, text and collection of training queries without a labelled positive."""
        file = self.folder / UNLABELLED
        queries = tables.read("queries", file) if file.exists() else tables.empty("queries")
        return self._named(queries).with_columns(collection=pl.lit(self.name))

    def qrels(self, split: str = "train") -> pl.DataFrame:
        """The labels from the collection. doc_id may name the parent of chunks."""
        return self._named(tables.read("qrels", self.folder / split / "qrels.parquet"))

    def _named(self, frame: pl.DataFrame) -> pl.DataFrame:
        ids = [name for name in ("query_id", "doc_id") if name in frame.columns]
        return frame.with_columns(tables.prefixed(self.prefix, *ids)) if self.prefix else frame


@dataclass(frozen=True)
class TrainingSet:
    """All training collections."""

    collections: tuple[TrainingCollection, ...]

    def __iter__(self):
        return iter(self.collections)

    def queries(self, split: str = "train") -> pl.DataFrame:
        return pl.concat([collection.queries(split) for collection in self.collections])

    def unanswered(self) -> pl.DataFrame:
        """The subset of `queries` without a labelled positive. Empty if the round trains only on
        labelled queries.
        """
        parts = [
            collection.unanswered() for collection in self.collections if collection.unlabelled
        ]
        return pl.concat(
            [tables.empty("queries").with_columns(collection=pl.lit("")), *parts], how="diagonal"
        )

    def texts(self, ids: Iterable[str]) -> pl.DataFrame:
        """doc_id, full_text and parent_id of documents."""
        wanted = list(ids)
        return pl.concat([collection.documents.texts(wanted) for collection in self.collections])

    def document_ids(self) -> pl.Series:
        """The ids of all documents, collection by collection."""
        return pl.concat([collection.documents.ids for collection in self.collections])


def admit(
    names: list[str],
    shares: dict[str, float],
    min_relevance: dict[str, int],
    language: dict[str, str],
    own_id: dict[str, OwnId],
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
                "tables": {
                    table: fingerprint_of_file(DATA / name / table)
                    for table in tables_of(DATA / name)
                },
            }
            for name in names
        }
    }


def tables_of(folder: Path) -> list[str]:
    """The tables of a collection that training reads."""
    return [*TABLES, *([UNLABELLED] if (folder / UNLABELLED).exists() else [])]


def read(file: Path = TRAINING_LIST, unlabelled: bool = False) -> TrainingSet:
    """Open the training set.

    Args:
        file: the list of its tables.
        unlabelled: whether the training queries include those without a labelled positive.

    Raises:
        Refused: a table differs from the admitted one.
    """
    if not file.exists():
        raise Refused(
            f"{file} is missing. Run `dvc repro start` to write it (`dvc repro` also runs all "
            "stages before it)."
        )
    listed = read_json(file)["collections"]
    for name, item in listed.items():
        for table, expected in item["tables"].items():
            path = DATA / name / table
            if not path.exists() or fingerprint_of_file(path) != expected:
                raise Refused(
                    f"{path} is missing or has changed since `start` admitted it. Run `dvc repro`."
                )
    return TrainingSet(
        tuple(
            TrainingCollection(
                name,
                DATA / name,
                item["share"],
                item["min_relevance"],
                item["language"],
                item["prefix"],
                own_id=item.get("own_id", "keep"),
                unlabelled=unlabelled,
            )
            for name, item in listed.items()
        )
    )
