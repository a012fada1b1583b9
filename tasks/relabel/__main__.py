"""relabel: negatives -> labels. Judges read the negatives, cheapest first. False negatives are
promoted, dropped or masked.
"""

from __future__ import annotations

import polars as pl

from hone.data import tables, training_set
from hone.data.labels import carried_labels
from hone.data.parquet_writer import Spool
from hone.data.same_queries import share_labels
from hone.data.unknown import is_dropped
from hone.files import write_json
from hone.judging.annotation import overrides
from hone.layout import removed_table, round_account, round_table
from hone.stage import run, say
from tasks.relabel.initial_labels import joined
from tasks.relabel.judging import judged
from tasks.relabel.settings import RelabelSettings


def main(settings: RelabelSettings) -> None:
    """Write the round's training labels, the judges' answers, and the removed rows with reasons."""
    round = settings.round
    section = settings.relabel
    training = training_set.read(unlabelled=settings.unlabelled)
    known = carried_labels(settings.parent, training.queries(), settings.refreshed)
    negatives = tables.read("negatives", round_table(round, "negatives"))
    sampled = tables.read("removed", removed_table(round, "sample"))
    labels = joined(known, negatives, sampled)
    decided = overrides.read()
    with Spool("judgments", round_table(round, "judgments")) as spool:
        if section == "none" or not section.cascade:
            removed, account = (
                tables.empty("removed"),
                {"judges": [], "left_out": {} if section == "none" else section.left_out},
            )
        else:
            retrieved = (
                sampled.filter(pl.col("rule") == "labelled") if settings.unlabelled else None
            )
            labels, removed, account = judged(
                labels, negatives, decided, known, training, settings, spool, retrieved
            )
    labels, account["overridden"] = overrides.applied(
        labels, decided, training.document_ids() if len(decided) else labels["doc_id"]
    )
    tables.write(
        "labels", share_labels(labels, training.queries(), decided), round_table(round, "labels")
    )
    tables.write("removed", removed, removed_table(round, "relabel"))
    write_json(round_account(round, "relabel"), account)
    counts = labels.select(
        label=pl.when(is_dropped())
        .then(pl.lit("dropped"))
        .otherwise(pl.col("label").cast(pl.String))
    )
    counts = counts["label"].value_counts(sort=True)
    say(f"relabel {round}: {', '.join(f'{count:,} {label}' for label, count in counts.rows())}")


if __name__ == "__main__":
    run(main)
