"""What generation methods and filters may use of a collection: documents, models, the writer, and
the queries that no generated query may resemble.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from hone.data import tables
from hone.data.chunks import of_chunks
from hone.data.tables import Documents
from hone.encoders.encoder import Encoder, encoder_for
from hone.errors import Refused
from hone.generation.writer import Writer
from hone.layout import BASE, BASE_MODEL, DATA, collection_table
from hone.stage import say
from hone.text.bm25 import Index, indexed

if TYPE_CHECKING:
    from hone.config.stage_settings import Reading
    from hone.judging.context import Desk

EVALUATION = ("test", "dev")
TEXTS_PER_BLOCK = 8192


@dataclass
class GenerationContext:
    """A collection for which queries are generated.

    Attributes:
        name: of the collection.
        language: of its stemmer.
        seed: of all draws.
        min_relevance: the lowest relevance grade of a positive.
        reading: how the base model reads texts; null: the recipe needs no vectors.
        machine: hardware settings.
        model_writer: the generator; null: the recipe's methods need none.
        judge_lines: the judges of the recipe's filters, resolved, by name.
        desk: context of the judges.
    """

    name: str
    language: str
    seed: int
    min_relevance: int
    reading: Reading | None = None
    machine: dict | None = None
    model_writer: Writer | None = None
    judge_lines: dict[str, dict] | None = None
    desk: Desk | None = None

    @property
    def documents(self) -> Documents:
        """The documents of the collection."""
        return Documents(collection_table(self.name, "documents"))

    @cached_property
    def doc_ids(self) -> pl.Series:
        """Every doc_id, in file order."""
        return self.documents.ids

    @property
    def writer(self) -> Writer:
        """The generator.

        Raises:
            Refused: `resolve` found none, because no method of the recipe needs one.
        """
        if self.model_writer is None:
            raise Refused("the recipe has no generator. Run `dvc repro resolve`.")
        return self.model_writer

    @cached_property
    def encoder(self) -> Encoder:
        """The base model."""
        if self.reading is None:
            raise Refused("the recipe was resolved without an encoder. Run `dvc repro resolve`.")
        return encoder_for(BASE_MODEL, self.reading, self.machine or {}, user=BASE)

    @cached_property
    def bm25(self) -> Index:
        """The BM25 index of the documents."""
        return indexed(self.documents.chunks(), self.language)

    def texts(self, ids: pl.Series) -> pl.DataFrame:
        """doc_id, text: the documents as an encoder reads them, in the order of `ids`."""
        found = self.documents.texts(ids).select("doc_id", text="full_text")
        return ids.to_frame("doc_id").join(found, on="doc_id", how="inner", maintain_order="left")

    @cached_property
    def training_pairs(self) -> pl.DataFrame:
        """query_id, text, doc_id: the training queries with their positives."""
        queries = tables.read("queries", collection_table(self.name, "queries", "train"))
        qrels = tables.read("qrels", collection_table(self.name, "qrels", "train"))
        positives = qrels.filter(pl.col("relevance") >= self.min_relevance)
        return queries.select("query_id", "text").join(
            positives.select("query_id", "doc_id"),
            on="query_id",
            how="inner",
            maintain_order="left",
        )

    @cached_property
    def labelled_pairs(self) -> pl.DataFrame:
        """query_id, doc_id: every label of a training query, of whatever grade. Labels of parents
        are those of their chunks, too.
        """
        qrels = tables.read("qrels", collection_table(self.name, "qrels", "train"))
        return of_chunks(qrels.select("query_id", "doc_id"), self.documents.parents)

    @cached_property
    def held_out(self) -> pl.DataFrame:
        """text, split, collection: the dev and test queries of every collection."""
        parts = [pl.DataFrame(schema=dict.fromkeys(("text", "split", "collection"), pl.String))]
        for folder in sorted(DATA.iterdir()):
            for split in EVALUATION:
                file = folder / split / "queries.parquet"
                if file.is_file():
                    parts.append(
                        tables.read("queries", file).select(
                            "text", split=pl.lit(split), collection=pl.lit(folder.name)
                        )
                    )
        return pl.concat(parts)

    def log(self, message: str) -> None:
        """Write a log line."""
        say(f"generate {self.name}: {message}")
