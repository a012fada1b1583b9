"""leakage: find test and dev queries in the training data -> reports/leakage/<collection>.json.

It does not block training because of leakage: `tasks.leakage.gate` does that, before any round
mines. It refuses collections that cannot be evaluated.
"""

from __future__ import annotations

from hone.data import eval_splits, tables, training_set
from hone.data.labels import positives_of
from hone.files import write_json
from hone.layout import BASE, leakage_file, round_table
from hone.seeds import generator
from hone.stage import run, say
from tasks.leakage.detect import found
from tasks.leakage.example_texts import without_texts
from tasks.leakage.sentences import GENERATED_DEV, sentence
from tasks.leakage.settings import LeakageSettings
from tasks.leakage.texts import read_evaluation_texts, training_texts


def main(settings: LeakageSettings) -> None:
    """Compare a collection's evaluation queries with the training texts of all collections."""
    collection = settings.collection
    eval_splits.read_evaluation_splits(
        collection, settings.min_relevance
    )  # errors that evaluation would report only after hours of training
    training = training_set.read(unlabelled=settings.unlabelled)
    labels = tables.read("labels", round_table(BASE, "labels"))
    positives = positives_of(labels).select("query_id", "doc_id")
    trained = training_texts(training, positives)
    evaluation = read_evaluation_texts(collection, settings.min_relevance)
    account = {
        "collection": collection,
        GENERATED_DEV: eval_splits.has_generated_dev(collection),
        "train_on": [one.name for one in training],
        **found(trained, evaluation, generator(settings.seed, "leakage", collection)),
    }
    write_json(leakage_file(collection), without_texts(account))
    say(f"leakage on {collection}: {sentence(account)}")


if __name__ == "__main__":
    run(main)
