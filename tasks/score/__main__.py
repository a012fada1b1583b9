"""score: score candidates and labelled positives with each scorer of the recipe, in fp32.

Scores of different sources (BM25, a run, a teacher) are not comparable. A labelled positive may not
have been retrieved. Rules that compare the two need both scores from one scorer.
"""

from __future__ import annotations

import polars as pl

from hone.config import methods
from hone.data import tables, training_set
from hone.data.labels import carried_labels, positives_of
from hone.encoders.round_cross_encoders import CrossModels
from hone.encoders.round_encoders import Models
from hone.layout import round_table
from hone.stage import run, say
from tasks.score.pair_scores import pairs_of, refuse_no_number
from tasks.score.settings import ScoreSettings


def main(settings: ScoreSettings) -> None:
    """Write one row for each pair and scorer."""
    round = settings.round
    candidates = tables.read("candidates", round_table(round, "candidates"))
    training = training_set.read(unlabelled=settings.unlabelled)
    labels = carried_labels(settings.parent, training.queries(), settings.refreshed)
    pairs = pairs_of(candidates, labels)
    positives = positives_of(labels).select("query_id", "doc_id")
    means = {
        "models": Models.of(settings),
        "cross_models": CrossModels.of(round, settings.model["precision"], settings.cross_encoders),
    }
    scored = [
        scorer(
            line["parameters"], pairs=pairs, positives=positives, collection=collection, **means
        ).select("query_id", "doc_id", "score", scorer=pl.lit(name))
        for name, line in (settings.scorers.items() if len(candidates) else ())
        for scorer in [methods.find("score", line["method"])]
        for collection in training
    ]
    scores = tables.shaped("scores", pl.concat(scored)) if scored else tables.empty("scores")
    refuse_no_number(scores)
    tables.write("scores", scores, round_table(round, "scores"))
    done = (
        f"{len(scores):,} scores by {', '.join(settings.scorers)}"
        if settings.scorers
        else "skipped (no scorer configured)"
    )
    say(f"score {round}: {done}")


if __name__ == "__main__":
    run(main)
