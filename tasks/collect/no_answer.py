"""no-answer: the test queries of another collection, for some of which every right answer is taken out of the documents.

Source: ours, after the unanswerable questions of SQuAD 2.0 (Rajpurkar et al., arXiv 1806.03822). What is asked of a retriever is that its
best score is lower where there is nothing to find, so that a threshold on it can say so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data import tables
from hone.data.source import DOCUMENTS, QRELS, QUERIES, Source
from hone.errors import Refused
from hone.seeds import unit_hashes

ABILITY = "no-answer"
OF_COLLECTION = True  # `path` is data/NAME of another collection
DRAW = 17  # salt of the hash, which is not that by which queries were split


def no_answer(path: Path, *, share: Annotated[float, Field(gt=0, lt=1)] = 0.5) -> Source:
    """Make the collection from the tables of another one. All queries are of test.

    A document goes with every label that it is a right answer of a drawn query, of whatever grade. A query that was not drawn has
    an answer as long as one of its own is left; where its last went with those of others it has none either.

    Args:
        path: data/NAME, as the other collection was collected.
        share: of the test queries that have an answer, how many are drawn; by a hash of their texts. [Hone default]

    Raises:
        Refused: `path` holds no collection, or no query is left with an answer, or none without.
    """
    if not (path / "documents.parquet").is_file():
        raise Refused(f"{path} holds no collection: `path` of a collection with `source: no-answer` is data/NAME of another one.")
    labels = tables.read("qrels", path / "test" / "qrels.parquet").filter(pl.col("relevance") > 0)
    queries = tables.read("queries", path / "test" / "queries.parquet").join(labels, on="query_id", how="semi", maintain_order="left")
    drawn = queries.filter(pl.Series(unit_hashes(queries["text"].to_list(), DRAW), dtype=pl.Float64) < share)
    gone = labels.join(drawn, on="query_id", how="semi")["doc_id"].unique()
    left = labels.filter(~pl.col("doc_id").is_in(gone.implode()))
    answered = left["query_id"].n_unique()
    if answered in (0, len(queries)):
        raise Refused(
            f"of the {len(queries):,} test queries of {path} that have an answer, {answered:,} still have one when the answers of the "
            f"{len(drawn):,} drawn ones are gone: both kinds are needed. Choose another `share` (it is {share:g}) or collection."
        )
    documents = tables.read("documents", path / "documents.parquet")
    named = pl.col("doc_id").is_in(gone.implode()) | pl.col("parent_id").is_in(gone.implode()).fill_null(False)
    return Source(
        documents=placed(DOCUMENTS, documents, path / "documents.parquet").filter(~named),
        queries=placed(QUERIES, queries.with_columns(split=pl.lit("test")), path / "test" / "queries.parquet"),
        qrels=placed(QRELS, left, path / "test" / "qrels.parquet"),
    )


def placed(columns: dict[str, type[pl.DataType]], rows: pl.DataFrame, file: Path) -> pl.DataFrame:
    """One of a source's tables, each row with its file and number."""
    there = rows.with_columns(file=pl.lit(str(file)), row=pl.int_range(1, pl.len() + 1))
    return there.select((pl.col(name) if name in there.columns else pl.lit(None)).cast(kind).alias(name) for name, kind in columns.items())
