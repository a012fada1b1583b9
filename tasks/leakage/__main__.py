"""leakage: what training sees of a collection's test and dev queries -> reports/leakage/<collection>.json.

Of leaks it refuses nothing: `tasks.leakage.gate` does that, before any round mines. What cannot be evaluated is refused here.
"""

from __future__ import annotations

from hone.data import eval_splits as evaluated
from hone.data import tables, training_set
from hone.data.labels import positives_of
from hone.files import write_json
from hone.layout import BASE, leakage_file, round_table
from hone.seeds import generator
from hone.stage import run, say
from tasks.leakage.detect import found
from tasks.leakage.example_texts import without_texts
from tasks.leakage.sentences import sentence
from tasks.leakage.settings import LeakageSettings
from tasks.leakage.texts import asked_texts, training_texts


def main(settings: LeakageSettings) -> None:
    """Hold the queries that a collection asks against every text that is trained on, of all collections."""
    collection = settings.collection
    evaluated.asked(collection, settings.min_relevance)  # what evaluation would refuse after hours of training is refused here
    training = training_set.read(unlabelled=settings.unlabelled)
    labels = tables.read("labels", round_table(BASE, "labels"))
    positives = positives_of(labels).select("query_id", "doc_id")
    trained = training_texts(training, positives)
    asked = asked_texts(collection, settings.min_relevance)
    account = {
        "collection": collection,
        "train_on": [one.name for one in training],
        **found(trained, asked, generator(settings.seed, "leakage", collection)),
    }
    write_json(leakage_file(collection), without_texts(account))
    say(f"leakage on {collection}: {sentence(account)}")


if __name__ == "__main__":
    run(main)
