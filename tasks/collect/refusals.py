"""What a collection is refused for, before any stage works: each with file, row, value and remedy."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import polars as pl

from tasks.collect.source import SPLITS, Source
from tasks.errors import Refused, nearest
from tasks.tables import normalised

SHOWN = 5


def refuse_faults(name: str, source: Source) -> None:
    """Raises Refused for doubled ids, empty ids and texts, unknown splits and labels that contradict each other."""
    for table, rows, key, told in (
        ("documents", source.documents, "doc_id", "document"),
        ("queries", source.queries, "query_id", "query"),
    ):
        if rows.is_empty():
            raise Refused(f"the collection {name} has no {table}: check `path` in params.yaml.")
        nameless = rows.filter(pl.col(key).is_null() | (pl.col(key).str.strip_chars() == ""))
        refuse(name, nameless, f"a {told} has no id", "value", "give each row an id of its own")
        doubled = rows.filter(pl.col(key).is_duplicated()).sort(key, "file", "row", maintain_order=True)
        refuse(name, doubled, f"the {told} id stands more than once", key, "delete one, or give it another id")
        bare = rows.filter(pl.col("text").is_null() | (pl.col("text").str.strip_chars() == ""))
        if table == "documents":
            bare = bare.filter(pl.col("title").fill_null("").str.strip_chars() == "")
        if source.published:
            continue
        refuse(name, bare, f"the {told} has no text", key, "give it a text, or delete the row and its labels")
    for table, rows in (("queries", source.queries), ("qrels", source.qrels)):
        odd = rows.filter(pl.col("split").is_not_null() & ~pl.col("split").is_in(SPLITS))
        if not odd.is_empty():
            hint = nearest(odd["split"][0], SPLITS)
            refuse(name, odd, f"a split of {table} is none of train, dev, test ({hint})", "split", "rename it")
    negative = source.qrels.filter(pl.col("relevance").is_null() | (pl.col("relevance") < 0))
    refuse(name, negative, "a relevance is below 0", "relevance", "write 0 for what was judged not relevant")
    doubled = source.qrels.filter(pl.struct("query_id", "doc_id", "split").is_duplicated())
    refuse(name, doubled.sort("query_id", "doc_id"), "a pair is labelled twice", "query_id", "keep one label for each pair")


def without_absent(name: str, source: Source, absent: Literal["refuse", "ignore"]) -> tuple[Source, pl.DataFrame]:
    """The source without labels that name a query or document it lacks, and those labels with the reason.

    A label may name a document or the parent of chunks. A published benchmark keeps all: its measures count on them.

    Raises:
        Refused: there are such labels and `absent_labels` is not "ignore"; lists the first ones.
    """
    if source.published:
        return source, source.qrels.clear().with_columns(absent=pl.lit(None, dtype=pl.String))
    known_documents = pl.concat([source.documents["doc_id"], source.documents["parent_id"].drop_nulls()])
    labels = source.qrels.with_columns(
        absent=pl.when(~pl.col("query_id").is_in(source.queries["query_id"].implode()))
        .then(pl.lit("query"))
        .when(~pl.col("doc_id").is_in(known_documents.implode()))
        .then(pl.lit("document"))
    )
    lost = labels.filter(pl.col("absent").is_not_null())
    if absent == "refuse":
        for kind, key in (("query", "query_id"), ("document", "doc_id")):
            remedy = "add it, delete the labels, or set `absent_labels: ignore` to leave them out and count them"
            refuse(name, lost.filter(pl.col("absent") == kind), f"a label names a {kind} that is not there", key, remedy)
    kept = labels.filter(pl.col("absent").is_null()).drop("absent")
    return replace(source, qrels=kept), lost


def refuse_labels_in_two_splits(name: str, qrels: pl.DataFrame) -> None:
    """Raises Refused when labels of one query stand in two splits."""
    spread = qrels.filter(pl.col("split").n_unique().over("query_id") > 1).unique(["query_id", "split"], keep="first", maintain_order=True)
    fault = "labels of one query stand in two splits, so that its answers would be trained on and asked"
    refuse(name, spread.sort("query_id", maintain_order=True), fault, "query_id", "keep its labels in one split")


def without_leaks(name: str, source: Source, repeated: Literal["refuse", "leave-out"]) -> tuple[Source, pl.DataFrame]:
    """The source without queries that stand in another split too, by normalised text, and what was left out.

    Answers of such a query would be trained on and asked. Where they are left out, the copy in test stays, else that in dev.

    Returns:
        The source, and query_id and split (in which the text stays) of the queries that are gone.

    Raises:
        Refused: there are such queries and `repeated_queries` is not "leave-out".
    """
    if repeated == "refuse":
        refuse_leaks(name, source.queries)
    order = pl.col("split").replace_strict({"test": 0, "dev": 1, "train": 2}, return_dtype=pl.Int8)
    ranked = source.queries.with_columns(same=normalised(pl.col("text")), place=order)
    ranked = ranked.with_columns(stays=pl.col("place").min().over("same"))
    gone = ranked.filter(pl.col("place") > pl.col("stays")).select(
        "query_id", split=pl.col("stays").replace_strict({0: "test", 1: "dev", 2: "train"}, return_dtype=pl.String)
    )
    queries = source.queries.join(gone, on="query_id", how="anti", maintain_order="left")
    qrels = source.qrels.join(gone, on="query_id", how="anti", maintain_order="left")
    return replace(source, queries=queries, qrels=qrels), gone


def refuse_leaks(name: str, queries: pl.DataFrame) -> None:
    """Raises Refused when a query, by normalised text, stands in two splits."""
    spread = queries.with_columns(same=normalised(pl.col("text"))).filter(pl.col("split").n_unique().over("same") > 1).sort("same", "split")
    if spread.is_empty():
        return
    pair = spread.filter(pl.col("same") == spread["same"][0])
    places = "; ".join(
        f"'{query}' in {split} ({file}, row {row})" for query, split, file, row in pair.select("query_id", "split", "file", "row").rows()
    )
    raise Refused(
        f"the collection {name} has {spread['same'].n_unique():,} queries that stand in two splits, for example "
        f"{pair['text'][0]!r}: {places}. Keep each query in one split, or set "
        "`repeated_queries: leave-out`: its copy in test stays, else that in dev."
    )


def refuse(name: str, rows: pl.DataFrame, fault: str, column: str, remedy: str) -> None:
    """Raises Refused unless `rows` is empty; names the first rows."""
    if rows.is_empty():
        return
    named = rows.with_columns(value=pl.col(column).cast(pl.String) if column in rows.columns else pl.lit(""))
    places = [f"{file}, row {row}: '{value}'" for file, row, value in named.select("file", "row", "value").head(SHOWN).rows()]
    more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
    raise Refused(f"the collection {name}: {fault} ({'; '.join(places)}{more}). What to do: {remedy}.")
