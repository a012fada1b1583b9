"""start: create round r0 from the collections: labelled positives and negatives, without mining."""

from __future__ import annotations

import polars as pl

from hone.data import tables, training_set
from hone.data.labels import positives_of
from hone.data.qrels_labels import known_labels
from hone.data.same_queries import share_labels
from hone.files import folder_written_whole, write_json
from hone.layout import BASE, ROUNDS
from hone.stage import run, say
from tasks.start.settings import StartSettings


def main(settings: StartSettings) -> None:
    """Create rounds/r0, so r1 has the same input tables as every later round."""
    with folder_written_whole(ROUNDS / BASE) as place:
        admitted = training_set.admit(
            settings.train_on,
            settings.shares,
            settings.min_relevance,
            settings.language,
            settings.own_id,
        )
        write_json(place / "training.json", admitted)
        training = training_set.read(place / "training.json")
        labels = share_labels(
            pl.concat([known_labels(collection) for collection in training]), training.queries()
        )
        tables.write("labels", labels, place / "labels.parquet")
        for table in ("negatives", "trained"):
            tables.write(table, tables.empty(table), place / f"{table}.parquet")
    positives = positives_of(labels)
    say(
        f"start r0: {positives['query_id'].n_unique():,} training queries, {len(positives):,} "
        "labelled positives"
    )


if __name__ == "__main__":
    run(main)
