"""retrieve: mine candidates for the training queries with each source of the recipe."""

from __future__ import annotations

import polars as pl

from hone.config.source_name import source_name
from hone.data import tables, training_set
from hone.data.labels import carried_labels
from hone.encoders.round_encoders import Models
from hone.layout import round_table
from hone.stage import may_download, run, say
from tasks.retrieve.settings import RetrieveSettings
from tasks.retrieve.sources import know_whose, need_columns, refuse_nothing, source_of


def main(settings: RetrieveSettings) -> None:
    """Run every source of the round's recipe and write all candidates."""
    round = settings.round
    sources = [] if settings.retrieve == "none" else settings.retrieve
    if any(teacher["fingerprint"] is None for teacher in settings.teachers.values()):
        may_download()
    training = training_set.read(unlabelled=settings.unlabelled)
    need_columns(sources, training)
    know_whose(sources, training)
    labels = carried_labels(settings.parent, training.queries(), settings.refreshed)
    negatives = tables.scan("negatives", round_table(settings.parent, "negatives"))
    nothing: dict[str, dict[str, str]] = {}
    found = [
        source_of(line, collection, labels, negatives, Models.of(settings), settings, nothing)
        for collection in (training if sources else [])
        for line in sources
    ]
    refuse_nothing(nothing, [collection.name for collection in training])
    candidates = (
        tables.shaped("candidates", pl.concat(found)) if found else tables.empty("candidates")
    )
    tables.write("candidates", candidates, round_table(round, "candidates"))
    by_source = dict(candidates.group_by("source").len().rows())
    source_counts = ", ".join(
        f"{name} {by_source.get(name, 0):,}" for name in map(source_name, sources)
    )
    say(
        f"retrieve {round}: {len(candidates):,} candidates for "
        f"{candidates['query_id'].n_unique():,} queries"
        + (f" ({source_counts})" if len(sources) > 1 else "")
    )


if __name__ == "__main__":
    run(main)
