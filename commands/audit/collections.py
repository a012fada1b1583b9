"""Read a collection for an audit: from its original files, or from the tables of the stage
`collect`.
"""

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
from tasks.collect.clicks import clicks
from tasks.collect.files import files
from tasks.collect.folder import ENDINGS, folder
from tasks.collect.refusals import examined, without_repeats
from tasks.collect.settings import CollectionChecks
from tasks.resolve.stages import collect

GIVEN = "given"  # the source of a negative from a training file


def read(what: str) -> Subject:
    """Read a file, folder or collection.

    Args:
        what: a training file; a folder with queries, documents and qrels, in BEIR format, or with
            collected tables; or a collected collection of params.yaml.

    Raises:
        Refused: it does not exist (with the most similar name), or it cannot be read.
    """
    path = Path(what)
    if path.is_file():
        return read_rows(path)
    if path.is_dir():
        if (path / "documents.parquet").is_file() and any(
            (path / split / "queries.parquet").is_file() for split in SPLITS
        ):
            return read_tables(path, what)
        if (path / "corpus.jsonl").exists():
            return build_subject(read_source(beir, path, what), what)
        if read_files := files_reader(path):
            return build_subject(read_source(read_files, path, what), what)
        if any(
            (path / f"{table}{ending}").exists()
            for table in ("queries", "documents", "qrels")
            for ending in ENDINGS
        ):
            return build_subject(read_source(folder, path, what), what)
        raise Refused(
            f"{path} is not a collection. It needs corpus.jsonl (BEIR format), or documents, "
            f"queries and qrels as {listed(ENDINGS)}. "
            f"Found: {listed(sorted(entry.name for entry in path.iterdir())) or 'no files'}."
        )
    if (DATA / what).is_dir():
        return read_tables(DATA / what, what)
    known = list(params.read().collections) if params.FILE.is_file() else []
    if what in known:
        raise Refused(
            f"Collection '{what}' has not been read yet. Run `dvc repro collect@{what}`, or name "
            "its file or folder."
        )
    beside = (
        [str(path.parent / entry.name) for entry in path.parent.iterdir()]
        if path.parent.is_dir()
        else []
    )
    if not path.parent.is_dir():
        raise Refused(f"{what} does not exist. Its folder {path.parent} does not exist either.")
    names = [name for name in (*beside, *known) if not Path(name).name.startswith(".")]
    raise Refused(f"{what} does not exist, and no collection has that name: {nearest(what, names)}")


def files_reader(path: Path) -> Callable[[Path, None], Source] | None:
    """The reader of a folder that params.yaml declares with `source: files` or `source: clicks`.
    Null: it does not.
    """
    given = params.read() if params.FILE.is_file() else None
    for name, item in given.collections.items() if given else ():
        if item.source in ("files", "clicks") and Path(item.path).resolve() == path.resolve():
            settings = collect(given, name)
            if item.source == "clicks":
                return lambda place, _: clicks(place, None, settings.split, **settings.parameters)
            return lambda place, _: files(place, None, settings.model, **settings.parameters)
    return None


def read_source(read: Callable[[Path, None], Source], path: Path, name: str) -> Source:
    """Read the original files of a collection. Errors that `collect` would raise are also printed
    before the audit.

    Raises:
        Refused: the files cannot be read. The message has all errors.
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
    settings = CollectionChecks(
        train=False, own_id=own_id, **{name: getattr(collection, name) for name in copied}
    )
    unreadable = bool(faults)
    try:
        examined(name, source, settings, faults)
    except Refused as refusal:
        if unreadable:
            raise
        say(f"audit: the stage `collect` would fail: {refusal}")
    return without_repeats(source, Faults())[0]


def build_subject(source: Source, name: str) -> Subject:
    """The subject of unchecked files. The audit itself reports their problems."""
    for table, rows in (("documents", source.documents), ("queries", source.queries)):
        if rows.is_empty():
            raise Refused(f"{name} has no {table}, so there is nothing to audit.")
    documents = source.documents.with_columns(tables.full_text()).select(
        "doc_id", "parent_id", text="full_text", row="row"
    )
    return assemble_subject(
        name, documents, source.queries.select("query_id", "text", "split", "row"), source.qrels, 1
    )


def read_tables(folder: Path, name: str) -> Subject:
    """The subject of the tables in data/<name>, with its held-out positives."""
    given = params.read().collections.get(folder.name) if params.FILE.is_file() else None
    documents = (
        tables.scan("documents", folder / "documents.parquet")
        .with_columns(tables.full_text())
        .collect()
    )
    parts = [split for split in SPLITS if (folder / split / "queries.parquet").is_file()]
    queries = [
        tables.read("queries", folder / split / "queries.parquet").with_columns(split=pl.lit(split))
        for split in parts
    ]
    qrels = [
        tables.read("qrels", folder / split / "qrels.parquet").with_columns(split=pl.lit(split))
        for split in parts
    ]
    hidden = (
        tables.read("hidden", folder / "hidden.parquet")
        if (folder / "hidden.parquet").is_file()
        else None
    )
    row = pl.lit(None, dtype=pl.Int64).alias("row")
    return assemble_subject(
        name,
        documents.select("doc_id", "parent_id", pl.col("full_text").alias("text"), row),
        pl.concat(queries, how="diagonal").select("query_id", "text", "split", row),
        pl.concat(qrels, how="diagonal").with_columns(row),
        given.min_relevance if given else 1,
        hidden,
    )


def assemble_subject(
    name: str,
    documents: pl.DataFrame,
    queries: pl.DataFrame,
    qrels: pl.DataFrame,
    least: int,
    hidden: pl.DataFrame | None = None,
) -> Subject:
    """The subject of these tables. If an id occurs more than once, the first row is kept."""
    doubled = {
        table: frame.filter(pl.col(key).is_not_null())
        .group_by(key)
        .len()
        .filter(pl.col("len") > 1)[key]
        .sort()
        .to_list()
        for table, frame, key in (
            ("documents", documents, "doc_id"),
            ("queries", queries.unique(["query_id", "text"]), "query_id"),
        )
    }
    spread_labels = (
        qrels.select("query_id", "split").drop_nulls()
        if "split" in qrels.columns
        else qrels.select("query_id").clear()
    )
    in_two = (
        spread_labels.unique()
        .group_by("query_id")
        .len()
        .filter(pl.col("len") > 1)["query_id"]
        .sort()
        .to_list()
    )
    documents = numbered(documents.unique("doc_id", keep="first", maintain_order=True), "document")
    spread = queries.group_by("query_id", maintain_order=True).agg(
        pl.col("text").first(), pl.col("split").first(), pl.col("row").first()
    )
    queries = numbered(spread, "query")
    labels = qrels.join(
        queries.select("query_id", "query"), on="query_id", how="left", maintain_order="left"
    )
    found = with_documents(labels, documents)
    lost = found.filter(pl.col("query").is_null() | pl.col("document").is_null()).with_columns(
        absent=pl.when(pl.col("query").is_null())
        .then(pl.lit("query"))
        .otherwise(pl.lit("document"))
    )
    complete = found.filter(pl.col("query").is_not_null() & pl.col("document").is_not_null())
    pair = complete.select("query", "document", "row", "relevance", "source")
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
        hidden=pair.clear().drop("relevance", "source")
        if hidden is None
        else hidden_pairs(hidden, queries, documents),
        absent=lost.select("query_id", "doc_id", "absent", "row"),
        doubled=doubled,
        in_two_splits=in_two,
    )


def with_documents(labels: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """Labels with the number of their document. A label of a parent document becomes one row per
    chunk.
    """
    by_id = labels.join(
        documents.select("doc_id", "document"), on="doc_id", how="left", maintain_order="left"
    )
    chunks = documents.filter(pl.col("parent_id").is_not_null()).select(
        doc_id="parent_id", document="document"
    )
    if chunks.is_empty():
        return by_id
    of_parent = (
        by_id.filter(pl.col("document").is_null())
        .drop("document")
        .join(chunks, on="doc_id", how="left", maintain_order="left")
    )
    return pl.concat([by_id.filter(pl.col("document").is_not_null()), of_parent])


def hidden_pairs(
    hidden: pl.DataFrame, queries: pl.DataFrame, documents: pl.DataFrame
) -> pl.DataFrame:
    """query, document, row of the held-out positives."""
    named = hidden.select("query_id", "doc_id").join(
        queries.select("query_id", "query"), on="query_id", how="inner"
    )
    found = with_documents(named, documents).filter(pl.col("document").is_not_null())
    return found.select("query", "document", row=pl.lit(None, dtype=pl.Int64))
