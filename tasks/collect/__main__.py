"""collect: read texts, queries and labels from a source and write the tables of
data/<collection>/.
"""

from __future__ import annotations

from hone.files import folder_written_whole
from hone.layout import DATA
from hone.stage import run, say
from tasks.collect.collection import count_sentence, prepared, write_collection
from tasks.collect.measurable import describe_measurable
from tasks.collect.settings import CollectSettings


def main(settings: CollectSettings) -> None:
    """Read one collection of params.yaml, report its errors, and write its tables."""
    collection = settings.collection
    found = prepared(collection, settings)
    if sentence := count_sentence(found.counts):
        say(f"{collection}: {sentence}")
    for sentence in found.source.notes:
        say(f"{collection}: {sentence}")
    with folder_written_whole(DATA / collection) as place:
        write_collection(place, found, settings)
    for sentence in describe_measurable(found.source, settings):
        say(f"collect {collection}: {sentence}")


if __name__ == "__main__":
    run(main)
