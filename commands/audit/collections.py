"""A collection as an audit reads it: its files as they stand, or the tables that `collect` made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from commands.audit.dataset import Subject, numbered
from commands.audit.triplets_reader import read_rows
from hone.config import params
from hone.data import tables
from hone.data.file_faults import Faults, Faulty
from hone.data.own_id import own_id_of
from hone.data.source import SPLITS, Source
from hone.errors import Refused, listed, nearest
from hone.layout import DATA
from hone.stage import say
from tasks.collect.beir import beir
from tasks.collect.folder import ENDINGS, folder
from tasks.collect.refusals import examined, without_repeats
from tasks.collect.settings import CollectionChecks

GIVEN = "given"  # the source of a negative that a training file brought


def read(what: str) -> Subject:
    """The file, folder or collection of that name.

    Args:
        what: a training file; a folder with queries, documents and qrels, or in BEIR's layout, or of collected tables; or a
            collection of params.yaml that `dvc repro` has collected.

    Raises:
        Refused: there is nothing of that name (names the nearest), or it cannot be read.
    """
    path = Path(what)
    if path.is_file():
        return read_rows(path)
    if path.is_dir():
        if (path / "documents.parquet").is_file() and any((path / split / "queries.parquet").is_file() for split in SPLITS):
            return collected(path, what)
        if (path / "corpus.jsonl").exists():
            return of_source(read_source(beir, path, what), what)
        if any((path / f"{table}{ending}").exists() for table in ("queries", "documents", "qrels") for ending in ENDINGS):
            return of_source(read_source(folder, path, what), what)
        raise Refused(
            f"{path} is no collection: it has neither corpus.jsonl (BEIR's layout) nor documents, queries and qrels as "
            f"{listed(ENDINGS)}; it has {listed(sorted(entry.name for entry in path.iterdir())) or 'nothing'}."
        )
    if (DATA / what).is_dir():
        return collected(DATA / what, what)
    known = list(params.read().collections) if params.FILE.is_file() else []
    if what in known:
        raise Refused(f"the collection '{what}' is not collected yet: `dvc repro collect@{what}`, or name its file or folder here.")
    beside = [str(path.parent / entry.name) for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    if not path.parent.is_dir():
        raise Refused(f"{what} does not exist, and neither does the folder {path.parent}.")
    names = [name for name in (*beside, *known) if not Path(name).name.startswith(".")]
    raise Refused(f"{what} does not exist, and no collection has that name: {nearest(what, names)}")


def read_source(read: Callable[[Path, None], Source], path: Path, name: str) -> Source:
    """The files of a collection as they stand. What `collect` would refuse is said at once, and not only on the page.

    Raises:
        Refused: something in the files cannot be read; the message has all that is wrong with them.
    """
    faults = Faults()
    try:
        source = read(path, None)
    except Faulty as faulty:
        faults.add(faulty.faults)
        if faulty.source is None:
            raise Refused(faults.message(name)) from None
        source = faulty.source
    given = params.read().collections.get(path.name) if params.FILE.is_file() else None
    collection = given or params.Collection(source="folder", path=name)
    copied = ("min_relevance", "absent_labels", "repeated_queries", "empty_documents", "split")
    own_id = own_id_of(collection.source, collection.own_id)
    settings = CollectionChecks(train=False, own_id=own_id, **{name: getattr(collection, name) for name in copied})
    unreadable = bool(faults)
    try:
        examined(name, source, settings, faults)
    except Refused as refusal:
        if unreadable:
            raise
        say(f"audit: `collect` refuses this: {refusal}")
    return without_repeats(source, Faults())[0]


def of_source(source: Source, name: str) -> Subject:
    """A collection whose files were read and not checked: what is wrong with them is what an audit is for."""
    for table, rows in (("documents", source.documents), ("queries", source.queries)):
        if rows.is_empty():
            raise Refused(f"{name} has no {table}: there is nothing to audit.")
    documents = source.documents.with_columns(tables.full_text()).select("doc_id", "parent_id", text="full_text", row="row")
    return assembled(name, documents, source.queries.select("query_id", "text", "split", "row"), source.qrels, 1)


def collected(folder: Path, name: str) -> Subject:
    """The tables of data/<name>; its hidden answers are known, and told from the others."""
    given = params.read().collections.get(folder.name) if params.FILE.is_file() else None
    documents = tables.scan("documents", folder / "documents.parquet").with_columns(tables.full_text()).collect()
    parts = [split for split in SPLITS if (folder / split / "queries.parquet").is_file()]
    queries = [tables.read("queries", folder / split / "queries.parquet").with_columns(split=pl.lit(split)) for split in parts]
    qrels = [tables.read("qrels", folder / split / "qrels.parquet").with_columns(split=pl.lit(split)) for split in parts]
    hidden = tables.read("hidden", folder / "hidden.parquet") if (folder / "hidden.parquet").is_file() else None
    row = pl.lit(None, dtype=pl.Int64).alias("row")
    return assembled(
        name,
        documents.select("doc_id", "parent_id", pl.col("full_text").alias("text"), row),
        pl.concat(queries, how="diagonal").select("query_id", "text", "split", row),
        pl.concat(qrels, how="diagonal").with_columns(row),
        given.min_relevance if given else 1,
        hidden,
    )


def assembled(
    name: str, documents: pl.DataFrame, queries: pl.DataFrame, qrels: pl.DataFrame, least: int, hidden: pl.DataFrame | None = None
) -> Subject:
    """The subject of these tables; an id that stands more than once keeps its first row."""
    doubled = {
        table: frame.filter(pl.col(key).is_not_null()).group_by(key).len().filter(pl.col("len") > 1)[key].sort().to_list()
        for table, frame, key in (("documents", documents, "doc_id"), ("queries", queries.unique(["query_id", "text"]), "query_id"))
    }
    spread_labels = qrels.select("query_id", "split").drop_nulls() if "split" in qrels.columns else qrels.select("query_id").clear()
    in_two = spread_labels.unique().group_by("query_id").len().filter(pl.col("len") > 1)["query_id"].sort().to_list()
    documents = numbered(documents.unique("doc_id", keep="first", maintain_order=True), "document")
    spread = queries.group_by("query_id", maintain_order=True).agg(pl.col("text").first(), pl.col("split").first(), pl.col("row").first())
    queries = numbered(spread, "query")
    labels = qrels.join(queries.select("query_id", "query"), on="query_id", how="left", maintain_order="left")
    found = with_documents(labels, documents)
    lost = found.filter(pl.col("query").is_null() | pl.col("document").is_null()).with_columns(
        absent=pl.when(pl.col("query").is_null()).then(pl.lit("query")).otherwise(pl.lit("document"))
    )
    there = found.filter(pl.col("query").is_not_null() & pl.col("document").is_not_null())
    pair = there.select("query", "document", "row", "relevance", "source")
    positive, judged = pl.col("relevance") >= least, pl.col("relevance") == 0
    brought = pl.col("source") == GIVEN
    return Subject(
        name=name,
        kind="collection",
        documents=documents,
        queries=queries,
        positives=pair.filter(positive).drop("relevance", "source"),
        negatives=pair.filter(judged & brought).drop("relevance", "source"),
        judged=pair.filter(judged & brought.not_()).drop("relevance", "source"),
        hidden=pair.clear().drop("relevance", "source") if hidden is None else hidden_pairs(hidden, queries, documents),
        absent=lost.select("query_id", "doc_id", "absent", "row"),
        doubled=doubled,
        in_two_splits=in_two,
    )


def with_documents(labels: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """Labels with the number of their document; one that names the parent of chunks has a row for each of them."""
    by_id = labels.join(documents.select("doc_id", "document"), on="doc_id", how="left", maintain_order="left")
    chunks = documents.filter(pl.col("parent_id").is_not_null()).select(doc_id="parent_id", document="document")
    if chunks.is_empty():
        return by_id
    of_parent = by_id.filter(pl.col("document").is_null()).drop("document").join(chunks, on="doc_id", how="left", maintain_order="left")
    return pl.concat([by_id.filter(pl.col("document").is_not_null()), of_parent])


def hidden_pairs(hidden: pl.DataFrame, queries: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """query, document, row of hidden answers."""
    named = hidden.select("query_id", "doc_id").join(queries.select("query_id", "query"), on="query_id", how="inner")
    found = with_documents(named, documents).filter(pl.col("document").is_not_null())
    return found.select("query", "document", row=pl.lit(None, dtype=pl.Int64))
