"""Write the tables of generated/<collection>: training queries, a dev split, labels, documents, and
what was removed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from hone.data import tables
from hone.files import write_json
from hone.generation.rows import SOURCE, Generated, removed_rows
from hone.layout import collection_table
from hone.seeds import unit_hashes
from tasks.generate.settings import GenerateSettings

if TYPE_CHECKING:
    from tasks.generate.work import Work

DEV = 0.1  # fraction of the documents where a collection has no dev queries [Hone default]


def write_generated(place: Path, work: Work, settings: GenerateSettings) -> str:
    """Write all tables, and an account of them. Returns a sentence for the log."""
    rows, section = work.rows, settings.generate
    fraction = 0.0 if section == "none" else dev_fraction(section.dev, settings)
    dev, unfit = choose_dev(rows, fraction, settings.seed)
    rows = rows.without(unfit)
    labels = rows.labels.with_columns(
        relevance=pl.when(pl.col("relevance") > 0)
        .then(pl.lit(settings.min_relevance, dtype=pl.Int32))
        .otherwise(pl.lit(0, dtype=pl.Int32)),
        weight=pl.lit(1.0, dtype=pl.Float32),
        source=pl.lit(SOURCE),
    )
    labelled = training_queries(settings) if section != "none" else dev.clear()
    for folder, is_dev in ((place, False), (place / "dev", True)):
        queries = rows.queries.filter(pl.col("query_id").is_in(dev.implode()) == is_dev)
        ids = queries["query_id"] if is_dev else pl.concat([queries["query_id"], labelled])
        own = labels.filter(pl.col("query_id").is_in(ids.implode()))
        if is_dev:  # only documents of the collection are ranked
            own = own.filter(pl.col("relevance") > 0)
        tables.write("queries", tables.shaped("queries", queries), folder / "queries.parquet")
        tables.write("qrels", tables.shaped("qrels", own), folder / "qrels.parquet")
    tables.write(
        "documents", tables.shaped("documents", rows.documents), place / "documents.parquet"
    )
    tables.write("removed", tables.shaped("removed", rows.removed), place / "removed.parquet")
    account = describe_account(work, rows, dev, settings)
    write_json(place / "generate.json", account)
    return write_sentence(account)


def training_queries(settings: GenerateSettings) -> pl.Series:
    """The ids of the collection's own training queries. Methods may add documents for them."""
    file = collection_table(settings.collection, "queries", "train")
    return tables.read("queries", file)["query_id"]


def dev_fraction(given: float | None, settings: GenerateSettings) -> float:
    """The fraction of the documents whose queries become dev queries."""
    if given is not None:
        return given
    own = tables.read("qrels", collection_table(settings.collection, "qrels", "dev"))
    return 0.0 if len(own) else DEV


def choose_dev(rows: Generated, fraction: float, seed: int) -> tuple[pl.Series, pl.DataFrame]:
    """The dev queries: those of a fraction of the documents, so that no document is in both parts.

    A dev query needs positives in the collection, which alone is ranked. The other queries of these
    documents are removed.

    Args:
        rows: after all filters.
        fraction: of the documents with a possible dev query.
        seed: of the choice.

    Returns:
        query_ids of the dev queries, and the table `removed` of the other queries.
    """
    generated = rows.documents["doc_id"]
    labels = rows.labels
    outside = labels.filter(
        (pl.col("relevance") > 0) & pl.col("doc_id").is_in(generated.implode())
    )["query_id"]
    positives = labels.filter(pl.col("relevance") > 0)["query_id"]
    usable = rows.queries.filter(
        pl.col("query_id").is_in(positives.implode()) & ~pl.col("query_id").is_in(outside.implode())
    )
    documents = usable["doc_id"].unique(maintain_order=True)
    places = unit_hashes([f"dev {doc_id}" for doc_id in documents], seed)
    chosen = documents.filter(pl.Series(places < fraction, dtype=pl.Boolean))
    of_chosen = pl.col("doc_id").is_in(chosen.implode())
    dev = usable.filter(of_chosen)["query_id"]
    unfit = rows.queries.filter(of_chosen & ~pl.col("query_id").is_in(dev.implode()))
    return dev, removed_rows(unfit, "dev-document", "its document has a dev query")


def describe_account(
    work: Work, rows: Generated, dev: pl.Series, settings: GenerateSettings
) -> dict:
    """The counts of generate.json."""
    section = settings.generate
    removed = dict(rows.removed.group_by("rule", maintain_order=True).len().rows())
    queries = rows.queries
    return {
        "recipe": None if section == "none" else section.recipe,
        "documents": work.documents,
        "written": work.written,
        "removed": removed,
        "train": len(queries) - len(dev),
        "dev": len(dev),
        "generated_documents": len(rows.documents),
        "methods": dict(queries.group_by("method", maintain_order=True).len().rows()),
        "origins": queries["origin"].unique(maintain_order=True).to_list(),
        "cost": work.cost,
        "over_budget": work.over,
    }


def write_sentence(account: dict) -> str:
    """The account in a sentence."""
    if account["recipe"] is None:
        return "nothing (no `generate` in params.yaml)"
    removed = ", ".join(f"{count:,} by {rule}" for rule, count in account["removed"].items())
    cost = account["cost"]
    paid = (
        f"; {cost['calls']:,} calls, {cost['tokens']:,} tokens, cost {cost['money']:.2f}"
        if cost
        else ""
    )
    over = (
        f"; {account['over_budget']}, so the other documents have no query"
        if account["over_budget"]
        else ""
    )
    return (
        f"{account['written']:,} queries for {account['documents']:,} documents, removed: "
        f"{removed or 'none'}; {account['train']:,} train, {account['dev']:,} dev{paid}{over}"
    )
