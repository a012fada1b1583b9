"""A collection: read from its source, checked, and written as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from hone.config import methods
from hone.config.params import Split
from hone.data import tables
from hone.data.file_faults import Faults, Faulty
from hone.data.source import SPLITS, Source
from hone.data.tables import Documents
from hone.errors import Refused
from hone.files import write_json
from hone.stage import say
from hone.text.bm25 import without_terms
from tasks.collect.refusals import Examined, examined
from tasks.collect.settings import CollectSettings
from tasks.collect.training_part import hidden_part, training_part

MAX_NAMES = 8  # names of metadata in the log line
COUNT_TEXTS = {
    "repeated_labels": "duplicate labels with the same grade (one of each is kept)",
    "negative_grades": "labels have a grade below 0 (read as 0)",
    "repeated_ids": "lines have a duplicated id (the last one counts)",
    "missing_titles": "documents have no title",
    "empty_documents": "documents have neither title nor text",
    "dev_from_train": "train queries are dev queries, because the source has no dev split (`split: "
    "{dev: 0}` keeps them in train)",
    "rows_without_text": "rows have no query or no passage (removed.parquet has each)",
    "empty_passages": "passages have no text (removed.parquet has each)",
    "contradicted_labels": "labels contradict a higher one of the same pair (the higher one "
    "counts; removed.parquet has each)",
    "unread_files": "files were not read (removed.parquet has the reason for each)",
    "log_rows": "rows of the click log",
    "removed_rows": "rows were removed (removed.parquet has the reasons)",
    "lone_clicks": "clicks have no impression (each counts as one)",
    "short_clicks": "clicks have a short dwell time (they count as impressions)",
    "scrubbed_queries": "queries had personal data (replaced by placeholders)",
    "other_events": "events are neither clicks nor impressions",
    "repeated_events": "events repeat one of the same search and document (one counts)",
}


def prepared(collection: str, settings: CollectSettings) -> Examined:
    """A collection as read, without the rows that its settings exclude.

    Raises:
        Refused: it cannot be read, or it contains errors. The message lists all of them.
    """
    source, faults = read_source(
        collection,
        settings.method,
        settings.parameters,
        Path(settings.path),
        settings.what,
        settings.model,
        settings.split,
        settings.generated,
    )
    return examined(collection, source, settings, faults)


def read_source(
    name: str,
    method: str,
    parameters: dict[str, Any],
    path: Path,
    what: str | None,
    model: dict[str, Any] | None = None,
    split: Split | None = None,
    generated: bool = False,
) -> tuple[Source, Faults]:
    """A collection as its source returns it, and the errors of its lines.

    Args:
        name: the collection's name, for the message.
        method: the kind of source, such as "beir", with its `parameters`.
        path: the file or folder.
        what: the text after the colon of `source`, or null.
        model: the tokenizer that sizes the chunks of `files`, pinned; null: by characters.
        split: fractions of the splits, for a source that divides its queries by time. Null: the
            defaults.
        generated: queries are generated for it, so it may have none.

    Raises:
        Refused: a table cannot be read at all.
    """
    read, faults = methods.find("collect", method), Faults()
    try:
        source = read(
            parameters,
            path=path,
            what=what,
            model=model,
            split=split or Split(),
            generated=generated,
        )
    except Faulty as faulty:
        faults.add(faulty.faults)
        if faulty.source is None:
            raise Refused(faults.message(name)) from None
        source = faulty.source
    return source, faults


def write_collection(place: Path, found: Examined, settings: CollectSettings) -> None:
    """Write documents, and queries and qrels of each split. Hold out and exclude what the
    settings define.
    """
    source, absent, repeated = found.source, found.absent, found.repeated
    qrels = with_weights(source.qrels)
    empty = pl.col("absent") == "empty document"
    detail = (
        pl.when(empty)
        .then(pl.lit("the document has no text"))
        .otherwise(pl.col("absent") + " is not in the collection")
    )
    removed = [
        absent.select("query_id", "doc_id", rule=pl.lit("absent"), detail=detail),
        repeated.select(
            "query_id",
            doc_id=pl.lit(None, dtype=pl.String),
            rule=pl.lit("repeated"),
            detail=pl.format("the same text is in {}", "split"),
        ),
    ]
    if source.removed is not None:
        removed.append(tables.shaped("removed", source.removed))
    about: dict[str, object] = {
        "documents": len(source.documents),
        "absent_labels": len(absent),
        "repeated_queries": len(repeated),
        **found.counts,
    }
    if source.origin:
        about["origin"] = source.origin
    about |= source.about
    tables.write(
        "documents", tables.shaped("documents", source.documents), place / "documents.parquet"
    )
    tables.write("dates", dates_of(source.documents), place / "dates.parquet")
    metadata = tables.empty("metadata") if source.metadata is None else source.metadata
    tables.write("metadata", metadata, place / "metadata.parquet")
    if source.clicks is not None:
        tables.write("clicks", tables.shaped("clicks", source.clicks), place / "clicks.parquet")
    for name in SPLITS:
        queries = source.queries.filter(pl.col("split") == name)
        labels = qrels.filter(pl.col("split") == name)
        relevant = labels.filter(pl.col("relevance") >= settings.min_relevance)
        if name == "train":
            queries, labels, unlabelled, excluded = training_part(
                queries, labels, relevant, settings
            )
            tables.write(
                "queries", tables.shaped("queries", unlabelled), place / name / "unlabelled.parquet"
            )
            hide = hidden_part(labels, queries, Documents(place / "documents.parquet"), settings)
            tables.write("hidden", tables.shaped("hidden", hide), place / "hidden.parquet")
            labels = labels.join(hide, on=["query_id", "doc_id"], how="anti", maintain_order="left")
            removed += excluded
            about["hidden"] = len(hide)
            if settings.hide is not None and settings.hide.bias == "bm25":
                about["queries_without_terms"] = int(
                    without_terms(queries["text"], settings.language).sum()
                )
        tables.write("queries", tables.shaped("queries", queries), place / name / "queries.parquet")
        tables.write("qrels", tables.shaped("qrels", labels), place / name / "qrels.parquet")
        if name == "test" and source.ranked is not None:
            tables.write(
                "ranked", tables.shaped("ranked", source.ranked), place / name / "ranked.parquet"
            )
        if source.traffic is not None:
            write_traffic(place / name, source.traffic)
        about[name] = {"queries": len(queries), "qrels": len(labels)}
    tables.write("removed", tables.shaped("removed", pl.concat(removed)), place / "removed.parquet")
    columns = metadata["name"].unique(maintain_order=True).to_list()
    about["metadata"] = columns
    write_json(place / "about.json", about)
    counts = ", ".join(f"{about[name]['queries']:,} {name}" for name in SPLITS)
    name = place.name.strip(".").split(".")[0]
    say(
        f"collect {name}: {len(source.documents):,} documents, queries: {counts}; "
        f"{about['hidden']:,} held-out "
        f"positives{describe_metadata(columns)}"
    )


def with_weights(qrels: pl.DataFrame) -> pl.DataFrame:
    """The labels with the weight that the source gives them, or 1."""
    if "weight" in qrels.columns:
        return qrels.with_columns(pl.col("weight").fill_null(1.0).cast(pl.Float32))
    return qrels.with_columns(weight=pl.lit(1.0, dtype=pl.Float32))


def write_traffic(place: Path, traffic: pl.DataFrame) -> None:
    """Write the number of searches of each query of a split."""
    queries = tables.read("queries", place / "queries.parquet").select("query_id")
    own = queries.join(traffic, on="query_id", how="left", maintain_order="left")
    tables.write(
        "traffic",
        tables.shaped("traffic", own.with_columns(pl.col("searches").fill_null(0))),
        place / "traffic.parquet",
    )


def describe_metadata(columns: list[str]) -> str:
    """The metadata columns of documents, as the end of a sentence."""
    return (
        f"; metadata: {', '.join(columns[:MAX_NAMES])}{' ...' if len(columns) > MAX_NAMES else ''}"
        if columns
        else ""
    )


def count_sentence(counts: dict[str, int]) -> str:
    """The repairs and gaps of a collection, for a message. Empty if there are none."""
    return ", ".join(f"{number:,} {COUNT_TEXTS[name]}" for name, number in counts.items() if number)


def dates_of(documents: pl.DataFrame) -> pl.DataFrame:
    """The dates of documents with a known date."""
    known = (
        documents.filter(pl.col("date").is_not_null())
        if "date" in documents.columns
        else documents.clear()
    )
    return tables.shaped("dates", known)
