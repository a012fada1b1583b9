"""Checks of a collection before any stage runs. All errors are reported at once, by kind, with
file, row, value and fix.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import polars as pl

from hone.config.params import Split
from hone.data.file_faults import Faults
from hone.data.source import SPLITS, Source
from hone.data.tables import normalised
from hone.errors import nearest
from tasks.collect import split
from tasks.collect.settings import CollectionChecks

ABSENT = {"absent": pl.String}


@dataclass(frozen=True)
class Examined:
    """A collection after its checks.

    Attributes:
        source: with a split for every query and label, without the excluded rows.
        absent: labels that name something missing, with `absent`: query, document, or empty
            document.
        repeated: query_id, split (in which the text remains) of excluded queries.
        counts: numbers of changed or excluded values, by their name in about.json.
    """

    source: Source
    absent: pl.DataFrame
    repeated: pl.DataFrame
    counts: dict[str, int] = field(default_factory=dict)


def examined(name: str, source: Source, settings: CollectionChecks, faults: Faults) -> Examined:
    """A collection without the rows that its settings exclude.

    Args:
        name: name of the collection.
        source: as read.
        settings: `absent_labels`, `repeated_queries`, `empty_documents`, `own_id`, `split`,
            `train`, `min_relevance` of the collection.
        faults: the read errors so far. Further errors are added.

    Raises:
        Refused: there are errors. The message lists all of them.
    """
    counts = {"repeated_labels": 0, "negative_grades": 0, "missing_titles": 0} | source.counts
    leave_out = settings.empty_documents == "leave-out"
    find_faults(source, faults, leave_out, settings.generated)
    source, counts["empty_documents"], empty = without_empty(source, leave_out)
    source, repeats = without_repeats(source, faults)
    counts["repeated_labels"] += repeats
    if source.published:
        source, negative = without_negative_grades(source)
        counts["negative_grades"] += negative
        source = replace(source, queries=source.queries.with_columns(pl.col("text").fill_null("")))
    source, absent = without_absent(
        source, settings.absent_labels == "ignore", empty, faults, settings.split.divide
    )
    find_labels_in_two_splits(source.qrels, faults)
    find_own_answers(source, settings, faults)
    source, moved = with_splits(source, settings, faults)
    counts |= {"dev_from_train": moved} if moved else {}
    source, repeated = without_leaks(source, settings.repeated_queries == "leave-out", faults)
    if settings.train and not settings.generated and not faults:
        find_no_training(source, settings.min_relevance, faults)
    faults.refuse(name)
    return Examined(source, absent, repeated, counts)


def find_faults(
    source: Source, faults: Faults, without_text: bool = False, without_queries: bool = False
) -> None:
    """Find duplicated ids, empty ids and texts, unknown splits and grades below 0. Documents
    without a text, and a collection without queries, are allowed on request.
    """
    for table, rows, key, noun in (
        ("documents", source.documents, "doc_id", "document"),
        ("queries", source.queries, "query_id", "query"),
    ):
        optional = table == "queries" and without_queries
        if rows.is_empty() and table not in faults.tables and not optional:
            faults.note(f"there are no {table}. Check `path` in params.yaml")
        nameless = rows.filter(pl.col(key).is_null() | (pl.col(key).str.strip_chars() == ""))
        faults.rows(nameless, f"a {noun} has no id", "value", "give each row a unique id")
        doubled = rows.filter(pl.col(key).is_duplicated() & pl.col(key).is_not_null()).sort(
            key, "file", "row", maintain_order=True
        )
        faults.rows(doubled, f"the {noun} id is duplicated", key, "delete one, or change its id")
        if source.published or (table == "documents" and without_text):
            continue
        remedy = "add a text, or delete the row and its labels"
        remedy += ", or set `empty_documents: leave-out`" if table == "documents" else ""
        faults.rows(rows.filter(bare(table)), f"the {noun} has no text", key, remedy)
    for table, rows in (("queries", source.queries), ("qrels", source.qrels)):
        odd = rows.filter(pl.col("split").is_not_null() & ~pl.col("split").is_in(SPLITS))
        if not odd.is_empty():
            hint = nearest(odd["split"][0], SPLITS)
            faults.rows(
                odd, f"a split of {table} is not train, dev or test ({hint})", "split", "rename it"
            )
    if not source.published:
        negative = source.qrels.filter(pl.col("relevance").is_null() | (pl.col("relevance") < 0))
        faults.rows(
            negative, "a relevance is below 0", "relevance", "write 0 for labelled not relevant"
        )


def bare(table: str) -> pl.Expr:
    """Whether a row has no text. A document with a title has one."""
    nothing = [
        pl.col(name).fill_null("").str.strip_chars() == ""
        for name in (("title", "text") if table == "documents" else ("text",))
    ]
    return pl.all_horizontal(nothing)


def without_empty(source: Source, leave_out: bool) -> tuple[Source, int, pl.Series]:
    """The source without documents that have neither title nor text, their number, and their
    ids. A benchmark keeps them.
    """
    empty = source.documents.filter(bare("documents"))["doc_id"]
    if source.published or not leave_out:
        return source, len(empty), empty.clear()
    return replace(source, documents=source.documents.filter(~bare("documents"))), len(empty), empty


def without_repeats(source: Source, faults: Faults) -> tuple[Source, int]:
    """The source without exact duplicates of labels, and their number. Two different grades of one
    pair are an error.

    In a published source the last grade of a pair counts, as in BEIR's loader.
    """
    pair = ["query_id", "doc_id", "split"]
    if source.published:
        unique_labels = source.qrels.unique(pair, keep="last", maintain_order=True)
        return replace(source, qrels=unique_labels), len(source.qrels) - len(unique_labels)
    unique_labels = source.qrels.unique([*pair, "relevance"], keep="first", maintain_order=True)
    doubled = unique_labels.filter(pl.struct(pair).is_duplicated()).sort(
        "query_id", "doc_id", maintain_order=True
    )
    conflicts = doubled.with_columns(
        value=pl.format(
            "{} {}: {}",
            *(pl.col(name).fill_null("") for name in ("query_id", "doc_id")),
            "relevance",
        )
    )
    faults.rows(
        conflicts,
        "a pair is labelled twice, with different grades",
        "value",
        "keep one label for each pair",
    )
    return replace(source, qrels=unique_labels), len(source.qrels) - len(unique_labels)


def without_negative_grades(source: Source) -> tuple[Source, int]:
    """A published source with 0 instead of negative grades, and their number."""
    negative = int((source.qrels["relevance"] < 0).sum())
    return replace(
        source, qrels=source.qrels.with_columns(pl.col("relevance").clip(lower_bound=0))
    ), negative


def without_absent(
    source: Source, ignore: bool, empty: pl.Series, faults: Faults, divide: str | None = None
) -> tuple[Source, pl.DataFrame]:
    """The source without labels of missing queries or documents, and those labels with the reason.

    A label may name a document or the parent of chunks. A published benchmark keeps labels of
    missing documents in dev and test, because its measures count them. Labels of missing queries
    are removed, as in the published figures. The split `divide` counts as a training split.
    """
    known_documents = pl.concat(
        [source.documents["doc_id"], source.documents["parent_id"].drop_nulls()]
    ).drop_nulls()
    document, query = pl.col("doc_id"), pl.col("query_id")
    labels = source.qrels.with_columns(
        absent=pl.when(
            ~query.is_in(source.queries["query_id"].drop_nulls().implode()).fill_null(False)
        )
        .then(pl.lit("query"))
        .when(document.is_in(empty.implode()).fill_null(False))
        .then(pl.lit("empty document"))
        .when(~document.is_in(known_documents.implode()).fill_null(False))
        .then(pl.lit("document"))
    )
    if source.published:
        training = ["train"] if divide is None else ["train", divide]
        counts_on = (pl.col("absent") == "document") & ~pl.col("split").is_in(training)
        labels = labels.with_columns(absent=pl.when(~counts_on.fill_null(False)).then("absent"))
    lost = labels.filter(pl.col("absent").is_not_null())
    for kind, key, table in (("query", "query_id", "queries"), ("document", "doc_id", "documents")):
        rows = lost.filter(pl.col("absent") == kind)
        if source.published or table in faults.tables or rows.is_empty():
            continue  # labels of unreadable rows would be reported wrongly
        known_ids = source.queries["query_id"] if kind == "query" else known_documents
        decimals = rows.filter(pl.col(key).str.replace(r"\.0+$", "").is_in(known_ids.implode()))
        if len(decimals):
            remedy = (
                "use whole numbers: pandas converts whole numbers to decimals if a column "
                "has gaps, and `.astype('Int64')` reverts it"
            )
            faults.rows(
                decimals,
                f"{key} contains decimal numbers in the labels but whole numbers in {table}",
                key,
                remedy,
            )
        elif not ignore:
            remedy = (
                "add it, delete the labels, or set `absent_labels: ignore` to skip and count them"
            )
            faults.rows(rows, f"a label names a {kind} that does not exist", key, remedy)
    return replace(source, qrels=labels.filter(pl.col("absent").is_null()).drop("absent")), lost


def find_own_answers(source: Source, settings: CollectionChecks, faults: Faults) -> None:
    """Positive labels of the document with the query's own id, if the collection drops it from
    every ranking.
    """
    if source.published or settings.own_id != "drop":
        return
    answers = source.qrels.filter(
        (pl.col("query_id") == pl.col("doc_id")) & (pl.col("relevance") >= settings.min_relevance)
    )
    fault = (
        "a positive label names the document with the query's own id, which `own_id: drop` "
        "removes from every ranking"
    )
    faults.rows(answers, fault, "query_id", "write `own_id: keep`, or delete the label")


def find_labels_in_two_splits(qrels: pl.DataFrame, faults: Faults) -> None:
    """Queries with labels in two splits."""
    spread = qrels.filter(pl.col("split").n_unique().over("query_id") > 1).unique(
        ["query_id", "split"], keep="first", maintain_order=True
    )
    fault = (
        "labels of one query are in two splits, so its positives would be used for both "
        "training and evaluation"
    )
    faults.rows(
        spread.sort("query_id", maintain_order=True),
        fault,
        "query_id",
        "keep its labels in one split",
    )


def with_splits(source: Source, settings: CollectionChecks, faults: Faults) -> tuple[Source, int]:
    """The source with a split for every query and label, and the number of training queries that
    became dev queries because the source has no dev split.

    The split is the given one, or one by the hash of the query's text. The hash also divides the
    queries of the split `divide`.
    """
    queries, shares, moved = source.queries, settings.split, 0
    given = queries["split"].is_not_null()
    if given.any() and not given.all():
        fault = "a query has no split, but others have one"
        faults.rows(
            queries.filter(~given),
            fault,
            "query_id",
            "set a split (train, dev, test) for every query, or for none",
        )
    elif not given.any() and not faults:
        queries = queries.with_columns(split=split.by_text(queries, shares.dev, shares.test))
    elif shares.divide is not None:
        queries = with_divided(queries, shares, faults)
    elif settings.train and lacks_dev(queries) and shares.dev > 0 and not faults:
        queries = with_dev(queries, source.qrels, settings)
        moved = int((queries["split"] == "dev").sum())
    if queries["query_id"].is_duplicated().any():
        return source, moved
    qrels = source.qrels.drop("split").join(
        queries.select("query_id", "split"), on="query_id", how="left", maintain_order="left"
    )
    return replace(source, queries=queries, qrels=qrels), moved


def lacks_dev(queries: pl.DataFrame) -> bool:
    """Whether there are training and test queries and no dev queries, as usual in BEIR."""
    found = set(queries["split"].unique())
    return {"train", "test"} <= found and "dev" not in found


def with_dev(
    queries: pl.DataFrame, qrels: pl.DataFrame, settings: CollectionChecks
) -> pl.DataFrame:
    """Queries with dev queries drawn from the training queries, if there are enough of them."""
    training = queries["split"] == "train"
    positives = qrels.filter(pl.col("relevance") >= settings.min_relevance)
    drawn = split.draw_dev(queries.filter(training), positives, settings.split.dev)
    if drawn is None:
        return queries
    return queries.with_columns(split=queries["split"].clone().scatter(training.arg_true(), drawn))


def with_divided(queries: pl.DataFrame, shares: Split, faults: Faults) -> pl.DataFrame:
    """Queries with the split `divide` replaced by train, dev or test, by a hash of their texts.

    A fraction for a split that other queries have is an error: the two would be mixed.
    """
    divided = queries["split"] == shares.divide
    if not divided.any():
        there = nearest(str(shares.divide), queries["split"].unique())
        faults.note(
            f"`split.divide` is '{shares.divide}', but no query has this split ({there}). "
            "Correct or delete it"
        )
    for name, fraction in (("dev", shares.dev), ("test", shares.test)):
        others = int((~divided & (queries["split"] == name)).sum())
        if others and fraction > 0:
            faults.note(
                f"`split` divides {shares.divide} with `{name}: {fraction}`, but the source has "
                f"{others:,} {name} queries of its own. Write `{name}: 0`"
            )
    if faults:
        return queries
    drawn = split.by_text(queries.filter(divided), shares.dev, shares.test)
    return queries.with_columns(split=queries["split"].clone().scatter(divided.arg_true(), drawn))


def without_leaks(source: Source, leave_out: bool, faults: Faults) -> tuple[Source, pl.DataFrame]:
    """The source without queries that also occur in another split, by normalized text, and the
    excluded ones.

    Positives of such a query would be used for both training and evaluation. The copy in test
    remains, otherwise the one in dev.

    Returns:
        The source, and query_id and split (in which the text remains) of the excluded queries.
    """
    if not leave_out:
        find_leaks(source.queries, faults)
    if faults:
        return source, source.queries.select("query_id", "split").clear()
    order = pl.col("split").replace_strict({"test": 0, "dev": 1, "train": 2}, return_dtype=pl.Int8)
    ranked = source.queries.with_columns(same=normalised(pl.col("text")), place=order)
    ranked = ranked.with_columns(stays=pl.col("place").min().over("same"))
    repeated_queries = ranked.filter(pl.col("place") > pl.col("stays")).select(
        "query_id",
        split=pl.col("stays").replace_strict(
            {0: "test", 1: "dev", 2: "train"}, return_dtype=pl.String
        ),
    )
    queries = source.queries.join(
        repeated_queries, on="query_id", how="anti", maintain_order="left"
    )
    qrels = source.qrels.join(repeated_queries, on="query_id", how="anti", maintain_order="left")
    return replace(source, queries=queries, qrels=qrels), repeated_queries


def find_leaks(queries: pl.DataFrame, faults: Faults) -> None:
    """Queries whose normalized text occurs in two splits."""
    same = normalised(pl.col("text"))
    spread = queries.with_columns(same=same).filter(
        (pl.col("split").n_unique().over("same") > 1) & pl.col("same").is_not_null()
    )
    if spread.is_empty():
        return
    spread = spread.sort("same", "split", maintain_order=True)
    pair = spread.filter(pl.col("same") == spread["same"][0])
    places = "; ".join(
        f"'{query}' in {split} ({file}, row {row})"
        for query, split, file, row in pair.select("query_id", "split", "file", "row").rows()
    )
    count = spread["same"].n_unique()
    faults.note(
        f"queries occur in two splits ({count:,} texts), for example {pair['text'][0]!r}: "
        f"{places}. Keep each query in one split, "
        "or set `repeated_queries: leave-out`, which keeps the copy in test, otherwise the one in "
        "dev",
        count,
    )


def find_no_training(source: Source, min_relevance: int, faults: Faults) -> None:
    """Find training collections without an answerable training query."""
    training = source.queries.filter(pl.col("split") == "train")
    relevant = source.qrels.filter(pl.col("relevance") >= min_relevance)
    if training.join(relevant, on="query_id", how="semi").is_empty():
        faults.note(
            "it is in `train_on` but has no training query with a positive (relevance "
            f"{min_relevance} or higher, split train). "
            "Add labels, lower `min_relevance`, or remove it from `train_on`"
        )
