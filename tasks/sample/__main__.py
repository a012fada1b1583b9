"""sample: select negatives from the candidates, and record every removal with its filter."""

from __future__ import annotations

from hone.data import tables, training_set
from hone.data.labels import carried_labels
from hone.files import write_json
from hone.layout import removed_table, round_account, round_table
from hone.stage import run, say
from tasks.sample.negatives import queries_left, sampled
from tasks.sample.settings import SampleSettings


def main(settings: SampleSettings) -> None:
    """Apply the recipe's filters in order, choose negatives, and write both the negatives and
    the removals.
    """
    round = settings.round
    training = training_set.read(unlabelled=settings.unlabelled)
    candidates = tables.read("candidates", round_table(round, "candidates"))
    labels = carried_labels(settings.parent, training.queries(), settings.refreshed)
    scores = tables.read("scores", round_table(round, "scores"))
    left = queries_left(settings.before) if settings.unlabelled else None
    negatives, removed, counts = sampled(candidates, labels, scores, training, settings, left)
    tables.write(
        "negatives", tables.shaped("negatives", negatives), round_table(round, "negatives")
    )
    tables.write("removed", tables.shaped("removed", removed), removed_table(round, "sample"))
    write_json(round_account(round, "sample"), counts)
    removal_counts = (
        ", ".join(f"{count:,} by {rule}" for rule, count in counts["removed"].items()) or "none"
    )
    left = "".join(
        f", {count:,} queries removed by {rule}" for rule, count in counts["left"].items()
    )
    say(
        f"sample {round}: {counts['chosen']:,} negatives from {counts['candidates']:,} "
        f"candidates, removed: {removal_counts}{left}"
    )


if __name__ == "__main__":
    run(main)
