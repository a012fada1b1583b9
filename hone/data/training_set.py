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
from hone.layout import DATA, GENERATED, TRAINING_LIST, generated_table

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
# what `generate` wrote for a collection; empty tables without the setting
GENERATED_TABLES = (
    "queries.parquet",
    "qrels.parquet",
    "documents.parquet",
    "dev/queries.parquet",
    "dev/qrels.parquet",
)


@dataclass(frozen=True)
class TrainingCollection:
    """One training collection. Ids have its name as a prefix if several collections are joined.

    Its training queries include generated ones. Its dev queries are generated only if it has none
    of its own. If `unlabelled` is set, its training queries include those without a labelled
    positive, for losses that need none.
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
        """Its documents. Generated ones are found by id, and never retrieved."""
        return Documents(
            self.folder / "documents.parquet", self.prefix, self.generated_file("documents")
        )

    def generated_file(self, table: str, split: str | None = None) -> Path | None:
        """A table of generated rows. Null: nothing was generated for this collection."""
        file = generated_table(self.name, table, split)
        return file if file.exists() else None

    def has_generated_dev(self) -> bool:
        """Whether its dev queries are generated, because it has none of its own."""
        own = tables.scan("qrels", self.folder / "dev" / "qrels.parquet").head(1).collect()
        return own.is_empty() and self.generated_file("queries", "dev") is not None

    @property
    def metadata(self) -> Metadata:
        return Metadata(self.folder / "metadata.parquet", self.name, self.prefix)

    def queries(self, split: str = "train") -> pl.DataFrame:
        """query_id, text and collection; of generated queries also origin."""
        parts = [self._own_queries(split), *self._generated_queries(split)]
        if split == "train" and self.unlabelled:
            parts.append(self.unanswered())
        return pl.concat(parts, how="diagonal")

    def _own_queries(self, split: str) -> pl.DataFrame:
        read = tables.read("queries", self.folder / split / "queries.parquet")
        return self._named(read).with_columns(collection=pl.lit(self.name))

    def _generated_queries(self, split: str) -> list[pl.DataFrame]:
        """The generated queries of a split: those with a positive. Empty: none."""
        if split == "dev" and not self.has_generated_dev():
            return []
        found = self._generated("queries", "dev" if split == "dev" else None)
        if split not in ("train", "dev") or found is None or found.is_empty():
            return []
        positives = self._generated("qrels", "dev" if split == "dev" else None).filter(
            pl.col("relevance") >= self.min_relevance
        )
        answered = found.join(positives, on="query_id", how="semi", maintain_order="left")
        return [answered.with_columns(collection=pl.lit(self.name))]

    def _generated(self, table: str, split: str | None = None) -> pl.DataFrame | None:
        file = self.generated_file(table, split)
        return None if file is None else self._named(tables.read(table, file))

    def unanswered(self) -> pl.DataFrame:
        """query_id, text and collection of training queries without a labelled positive."""
        file = self.folder / UNLABELLED
        queries = tables.read("queries", file) if file.exists() else tables.empty("queries")
        parts = [self._named(queries)]
        generated = self._generated("queries")
        if generated is not None and len(generated):
            positives = self._generated("qrels").filter(pl.col("relevance") >= self.min_relevance)
            parts.append(
                generated.join(positives, on="query_id", how="anti", maintain_order="left")
            )
        return pl.concat(parts, how="diagonal").with_columns(collection=pl.lit(self.name))

    def qrels(self, split: str = "train") -> pl.DataFrame:
        """The labels from the collection, and those of generated queries. doc_id may name the
        parent of chunks.
        """
        own = self._named(tables.read("qrels", self.folder / split / "qrels.parquet"))
        if split == "train":
            more = self._generated("qrels")
        else:
            is_generated = split == "dev" and self.has_generated_dev()
            more = self._generated("qrels", "dev") if is_generated else None
        return own if more is None else pl.concat([own, more])

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
        """query_id, text and collection; of generated queries also origin."""
        found = [collection.queries(split) for collection in self.collections]
        return pl.concat(found, how="diagonal")

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
                "generated": {
                    table: fingerprint_of_file(GENERATED / name / table)
                    for table in GENERATED_TABLES
                    if (GENERATED / name / table).exists()
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
        admitted = {DATA / name / table: value for table, value in item["tables"].items()}
        for table, value in item.get("generated", {}).items():
            admitted[GENERATED / name / table] = value
        for path, expected in admitted.items():
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
