"""no-answer: the test queries of another collection. For some of them, all relevant documents are
removed.

Source: Hone, after the unanswerable questions of SQuAD 2.0 (Rajpurkar et al., arXiv 1806.03822). A
good retriever has a lower best score if there is nothing to find, so a threshold can detect it.
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
DRAW = 17  # salt of the hash, different from the one of the query splits


def no_answer(path: Path, *, share: Annotated[float, Field(gt=0, lt=1)] = 0.5) -> Source:
    """Create the collection from the tables of another one. All queries are test queries.

    A document is removed with all its labels if it is relevant for a drawn query, at any grade. A
    query that was not drawn keeps its remaining positives. It becomes unanswerable if all of them
    are removed.

    Args:
        path: data/NAME of the collected other collection.
        share: fraction of the answerable test queries that is drawn, by a hash of their texts.
            [Hone default]

    Raises:
        Refused: `path` is not a collection, or one kind of queries is empty.
    """
    if not (path / "documents.parquet").is_file():
        raise Refused(
            f"{path} contains no collection. For `source: no-answer`, `path` is data/NAME of "
            "another collection."
        )
    labels = tables.read("qrels", path / "test" / "qrels.parquet").filter(pl.col("relevance") > 0)
    queries = tables.read("queries", path / "test" / "queries.parquet").join(
        labels, on="query_id", how="semi", maintain_order="left"
    )
    drawn = queries.filter(
        pl.Series(unit_hashes(queries["text"].to_list(), DRAW), dtype=pl.Float64) < share
    )
    removed_ids = labels.join(drawn, on="query_id", how="semi")["doc_id"].unique()
    left = labels.filter(~pl.col("doc_id").is_in(removed_ids.implode()))
    answered = left["query_id"].n_unique()
    if answered in (0, len(queries)):
        raise Refused(
            f"of the {len(queries):,} answerable test queries of {path}, {answered:,} remain "
            "answerable after removing the "
            f"positives of the {len(drawn):,} drawn ones, but both kinds are needed. Choose "
            f"another `share` (now {share:g}) or "
            "collection."
        )
    documents = tables.read("documents", path / "documents.parquet")
    named = pl.col("doc_id").is_in(removed_ids.implode()) | pl.col("parent_id").is_in(
        removed_ids.implode()
    ).fill_null(False)
    return Source(
        documents=placed(DOCUMENTS, documents, path / "documents.parquet").filter(~named),
        queries=placed(
            QUERIES, queries.with_columns(split=pl.lit("test")), path / "test" / "queries.parquet"
        ),
        qrels=placed(QRELS, left, path / "test" / "qrels.parquet"),
    )


def placed(columns: dict[str, type[pl.DataType]], rows: pl.DataFrame, file: Path) -> pl.DataFrame:
    """One of a source's tables, each row with its file and number."""
    numbered = rows.with_columns(file=pl.lit(str(file)), row=pl.int_range(1, pl.len() + 1))
    return numbered.select(
        (pl.col(name) if name in numbered.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in columns.items()
    )
