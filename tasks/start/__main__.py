"""start: collections -> round r0: the labelled positives and negatives, nothing mined."""

from __future__ import annotations

import polars as pl

from hone.config import stage_settings
from hone.data import tables, training_set
from hone.data.chunks import of_chunks
from hone.data.own_id import own_pairs
from hone.data.same_queries import share_labels
from hone.files import folder_written_whole, write_json
from hone.layout import BASE, ROUNDS
from hone.stage import run, say

OWN_ID = "the document has the query's own id (own_id: drop)"


def main() -> None:
    """Make rounds/r0, so that r1 finds the tables that every later round finds."""
    settings = stage_settings.of_stage("start")
    with folder_written_whole(ROUNDS / BASE) as place:
        admitted = training_set.admit(
            settings["train_on"], settings["shares"], settings["min_relevance"], settings["language"], settings["own_id"]
        )
        write_json(place / "training.json", admitted)
        training = training_set.read(place / "training.json")
        labels = share_labels(pl.concat([known_labels(collection) for collection in training]), training.queries())
        tables.write("labels", labels, place / "labels.parquet")
        for table in ("negatives", "trained"):
            tables.write(table, tables.empty(table), place / f"{table}.parquet")
    positives = labels.filter(pl.col("label") == "positive")
    say(f"start: {positives['query_id'].n_unique():,} training queries, {len(positives):,} known positives")


def known_labels(collection: training_set.TrainingCollection) -> pl.DataFrame:
    """A collection's training qrels as labels; a label of a parent becomes one of each of its chunks.

    Grades of `min_relevance` and more are positive, 0 is negative (judged), and what lies between is unknown: it trains
    neither way. Where a collection drops the document with a query's own id, that document is the query: unknown for it, too.
    """
    grade = pl.col("relevance")
    labels = (
        of_chunks(collection.qrels(), collection.documents.parents)
        .with_columns(
            label=pl.when(grade >= collection.min_relevance).then(pl.lit("positive"))
            .when(grade == 0).then(pl.lit("negative")).otherwise(pl.lit("unknown")),
            grade=grade,
            judge=pl.lit("qrels"),
            reason=pl.when((grade > 0) & (grade < collection.min_relevance))
            .then(pl.format("grade {} is below min_relevance {}", grade, collection.min_relevance)),
        )
    )  # fmt: skip
    labels = tables.shaped("labels", labels)
    return pl.concat([labels, own_documents(collection, labels)]) if collection.own_id == "drop" else labels


def own_documents(collection: training_set.TrainingCollection, labels: pl.DataFrame) -> pl.DataFrame:
    """A label `unknown` for each training query and the document, or chunk of a parent, with its id that has no label yet.

    Queries without a known answer have one too: rounds with `train.queries: all` mine for them.
    """
    documents = collection.documents
    queries = pl.concat([collection.queries()["query_id"], collection.unanswered()["query_id"]]).unique(maintain_order=True)
    pairs = own_pairs(queries, pl.concat([documents.ids, documents.parents["parent_id"]]))
    rows = of_chunks(pairs, documents.parents).join(labels, on=["query_id", "doc_id"], how="anti", maintain_order="left")
    return tables.shaped("labels", rows.with_columns(label=pl.lit("unknown"), judge=pl.lit("own-id"), reason=pl.lit(OWN_ID)))


if __name__ == "__main__":
    run(main)
