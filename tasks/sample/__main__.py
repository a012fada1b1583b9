"""sample: candidates and scores -> negatives, and a row for everything that was removed, with the rule that did it."""

from __future__ import annotations

from hone.data import tables, training_set
from hone.data.labels import carried_labels
from hone.files import write_json
from hone.layout import ROUNDS
from hone.stage import run, say
from tasks.sample.negatives import queries_left, sampled
from tasks.sample.settings import SampleSettings


def main(settings: SampleSettings) -> None:
    """Apply the recipe's rules in their order, choose, and write what was chosen and what was removed."""
    round = settings.round
    folder = ROUNDS / round
    training = training_set.read(unlabelled=settings.unlabelled)
    candidates = tables.read("candidates", folder / "candidates.parquet")
    labels = carried_labels(settings.parent, training.queries(), settings.refreshed)
    scores = tables.read("scores", folder / "scores.parquet")
    left = queries_left(settings.before) if settings.unlabelled else None
    negatives, removed, counts = sampled(candidates, labels, scores, training, settings, left)
    tables.write("negatives", tables.shaped("negatives", negatives), folder / "negatives.parquet")
    tables.write("removed", tables.shaped("removed", removed), folder / "removed" / "sample.parquet")
    write_json(folder / "sample.json", counts)
    gone = ", ".join(f"{count:,} by {rule}" for rule, count in counts["removed"].items()) or "none"
    left = "".join(f", {count:,} queries left by {rule}" for rule, count in counts["left"].items())
    say(f"sample {round}: {counts['chosen']:,} negatives of {counts['candidates']:,} candidates, removed: {gone}{left}")


if __name__ == "__main__":
    run(main)
