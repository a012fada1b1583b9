"""Query slices: the level of every query in each stratum. Strata are the methods in
tasks/report/strata/.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from hone.config import methods
from hone.data import tables, training_set
from hone.data.eval_splits import evaluation_table
from hone.data.tables import Documents
from hone.encoders.encoder import Reading
from hone.encoders.model_folder import ModelFolder
from hone.encoders.text_lengths import token_counts
from hone.errors import Refused
from hone.ir.measures import DEPTH
from hone.ir.trec_run import ranking_of
from hone.layout import BASE_MODEL, DATA, PAIR
from hone.stage import say
from hone.text.bm25 import without_terms

PLACE = "report.strata"


@dataclass(frozen=True)
class QuerySlices:
    """The slices of a collection's queries.

    Attributes:
        levels: query_id, stratum, level.
        left_out: {stratum without at least two levels: reason}.
    """

    levels: pl.DataFrame
    left_out: dict[str, str]


@dataclass(frozen=True)
class Tables:
    """What strata read of one split of a collection; each table is loaded on first use.

    Args:
        collection, split: of the queries.
        min_relevance: lowest grade of a relevant document.
        language: of the collection's stemmer.
        reading: how models read texts: length, prompts.
        compare_with: the references in params.yaml; rankings of other references are ignored.
    """

    collection: str
    split: str
    min_relevance: int
    language: str
    reading: Reading
    compare_with: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return DATA / self.collection

    @property
    def documents(self) -> Documents:
        return Documents(self.folder / "documents.parquet")

    @cached_property
    def queries(self) -> pl.DataFrame:
        """query_id, text."""
        file = evaluation_table(self.collection, "queries", self.split)
        return tables.read("queries", file).select("query_id", "text")

    @cached_property
    def without_terms(self) -> pl.Series:
        """query_id of the queries without a BM25 term; lexical strata have no level for them."""
        bare = self.queries.filter(without_terms(self.queries["text"], self.language))["query_id"]
        if len(bare):
            say(
                f"{self.collection}: {len(bare):,} of {len(self.queries):,} {self.split} queries "
                "have no term (only stop words and "
                "punctuation); lexical strata exclude them"
            )
        return bare

    @cached_property
    def right(self) -> pl.DataFrame:
        """query_id, doc_id of every relevant document, as labelled."""
        qrels = tables.read("qrels", evaluation_table(self.collection, "qrels", self.split))
        return (
            qrels.filter(pl.col("relevance") >= self.min_relevance)
            .select(PAIR)
            .unique(maintain_order=True)
        )

    @cached_property
    def words(self) -> pl.DataFrame:
        """query_id, doc_id, rank: BM25's ranking for these queries.

        Raises:
            Refused: bm25 was not evaluated, or its ranking is missing.
        """
        if "bm25" not in self.compare_with:
            raise Refused("it needs BM25's ranking, and `compare_with` does not list bm25")
        ranked = ranking_of("bm25", self.collection, DEPTH).select(*PAIR, "rank")
        return ranked.join(self.queries, on="query_id", how="semi", maintain_order="left")

    @cached_property
    def answers(self) -> pl.DataFrame:
        """query_id, doc_id, text of every relevant document; a parent is replaced by its chunks."""
        return join_texts(self.right, self.documents)

    @cached_property
    def rivals(self) -> pl.DataFrame:
        """The same for the document that BM25 ranks highest among those not labelled as
        relevant.
        """
        others = self.words.join(self.right, on=PAIR, how="anti", maintain_order="left").sort(
            "rank", maintain_order=True
        )
        return join_texts(
            others.unique("query_id", keep="first", maintain_order=True).select(PAIR),
            self.documents,
        )

    @cached_property
    def lengths(self) -> pl.DataFrame:
        """doc_id, tokens of every relevant document, with prompt and special tokens, by the base
        model's tokenizer.
        """
        texts = self.answers.unique("doc_id", maintain_order=True)
        prompt = self.reading.prompt(ModelFolder(BASE_MODEL), "document")
        return texts.select(
            "doc_id",
            tokens=pl.Series(
                token_counts(texts["text"].to_list(), BASE_MODEL, prompt), dtype=pl.Int64
            ),
        )

    @cached_property
    def limit(self) -> int:
        """Maximum number of tokens that the model reads."""
        return self.reading.length(ModelFolder(BASE_MODEL))

    @cached_property
    def training(self) -> pl.DataFrame:
        """text of every training query and of every labelled positive."""
        return pl.concat([part for one in training_set.read() for part in read_training_texts(one)])

    @cached_property
    def dates(self) -> pl.DataFrame:
        """doc_id, clock, date."""
        file = self.folder / "dates.parquet"
        return tables.read("dates", file) if file.exists() else tables.empty("dates")


def list_strata() -> tuple[str, ...]:
    """The names of all strata."""
    return methods.names(PLACE)


def slice_queries(of: Tables, wanted: tuple[str, ...] | None = None) -> QuerySlices:
    """The level of every query in the wanted strata, by default all."""
    found, left_out = [], {}
    for name in list_strata() if wanted is None else wanted:
        try:
            found.append(assign_levels(of, name))
        except Refused as refusal:
            left_out[name] = str(refusal)
    schema = {"query_id": pl.String, "stratum": pl.String, "level": pl.String}
    return QuerySlices(pl.concat([pl.DataFrame(schema=schema), *found]), left_out)


def assign_levels(of: Tables, name: str) -> pl.DataFrame:
    """query_id, stratum, level of the queries in one stratum.

    Raises:
        Refused: an input is missing, or all queries have the same level.
    """
    method = methods.find(PLACE, name)
    made = method({}, **{table: getattr(of, table) for table in method.reads})
    if method.beside("CUT_BY") == "bm25" or "language" in method.reads:
        made = made.filter(~pl.col("query_id").is_in(of.without_terms.implode()))
    levels = made["level"].unique().to_list()
    if len(levels) < 2:
        raise Refused(
            f"all queries have the same level: {method.beside('LEVELS')[levels[0]]}"
            if levels
            else "no query has a content word"
        )
    return made.select("query_id", stratum=pl.lit(name), level="level")


def join_texts(pairs: pl.DataFrame, documents: Documents) -> pl.DataFrame:
    """query_id, doc_id, text of pairs; a parent is replaced by its chunks."""
    chunks = documents.parents.select("parent_id", chunk="doc_id")
    spread = pairs.join(
        chunks, left_on="doc_id", right_on="parent_id", how="left", maintain_order="left"
    )
    named = spread.select("query_id", doc_id=pl.coalesce("chunk", "doc_id"))
    texts = documents.texts(named["doc_id"]).select("doc_id", text="full_text")
    return named.join(texts, on="doc_id", how="inner", maintain_order="left")


def read_training_texts(one: training_set.TrainingCollection) -> list[pl.DataFrame]:
    """text of a training collection's queries and of their labelled positives."""
    right = one.qrels().filter(pl.col("relevance") >= one.min_relevance).select(PAIR)
    return [
        one.queries().select("text"),
        join_texts(right, one.documents).unique("doc_id", maintain_order=True).select("text"),
    ]
