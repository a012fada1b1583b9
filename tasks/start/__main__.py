"""start: collections and a base model -> round r0: the model as it comes, its labels the known ones, nothing mined."""

from __future__ import annotations

import polars as pl

from hone.config import stage_settings
from hone.data import tables, training_set
from hone.data.labels import positives_of
from hone.data.qrels_labels import known_labels
from hone.data.same_queries import share_labels
from hone.encoders.model_folder import ModelFolder, copy_model, folder_of
from hone.files import folder_written_whole, write_json
from hone.layout import BASE, MODELS, RANKERS, ROUNDS
from hone.stage import may_download, run, say


def main() -> None:
    """Make models/r0, rankers/r0 and rounds/r0, so that round r1 finds what every later round finds."""
    settings = stage_settings.of_stage("start")
    model = settings["model"]
    if model["fingerprint"] is None:
        may_download()
    with folder_written_whole(MODELS / BASE) as place:
        copy_model(folder_of(model["name"], model["revision"]), place)
        ModelFolder(place).refuse_unsafe()
    with folder_written_whole(RANKERS / BASE) as place:
        write_json(place / "ranker.json", {"ranker": "none"})
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
    positives = positives_of(labels)
    say(f"start: {model['name']}, {positives['query_id'].n_unique():,} training queries, {len(positives):,} known positives")


if __name__ == "__main__":
    run(main)
