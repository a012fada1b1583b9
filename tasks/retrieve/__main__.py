"""retrieve: queries, documents and the round's starting model -> candidates, each with the source it came from."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tasks import methods, resolved, tables, training_set
from tasks.carried_labels import carried_labels
from tasks.encode.models import Models
from tasks.retrieve.source_name import source_name
from tasks.stage import may_download, run, say


def main(round: str) -> None:
    """Ask every source of the round's recipe and write all candidates."""
    settings = resolved.of_round(round, "retrieve")
    sources = [] if settings["retrieve"] == "none" else settings["retrieve"]
    if any(teacher["fingerprint"] is None for teacher in settings["teachers"].values()):
        may_download()
    training = training_set.read()
    labels = carried_labels(settings["from"])
    found = [
        source_of(line, collection, labels, Models.of(settings), settings)
        for collection in (training if sources else [])
        for line in sources
    ]
    candidates = tables.shaped("candidates", pl.concat(found)) if found else tables.empty("candidates")
    tables.write("candidates", candidates, Path("rounds") / round / "candidates.parquet")
    say(f"retrieve {round}: {len(candidates):,} candidates of {candidates['query_id'].n_unique():,} queries")


def source_of(
    line: dict, collection: training_set.TrainingCollection, labels: pl.DataFrame, models: Models, settings: dict
) -> pl.DataFrame:
    """Candidates of one source in one collection."""
    queries = collection.queries()
    method = methods.find("retrieve", line["method"])
    found = method(
        line["parameters"],
        queries=queries,
        documents=collection.documents,
        labels=labels.join(queries, on="query_id", how="semi", maintain_order="left"),
        models=models,
        language=collection.language,
        prefix=collection.prefix,
        seed=settings["seed"],
        round=settings["round"],
    )
    return found.with_columns(source=pl.lit(source_name(line)))


if __name__ == "__main__":
    run(main)
