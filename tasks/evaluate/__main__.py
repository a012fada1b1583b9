"""evaluate: a round's model -> metrics on a collection, per query and in the mean."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tasks import resolved
from tasks.encode.encoder import encoder_for
from tasks.evaluate.collapse import warnings_of
from tasks.evaluate.geometry import geometry
from tasks.evaluate.ranking import by_encoder
from tasks.evaluate.results import evaluate
from tasks.mteb_task import reading_for, task_of
from tasks.stage import run, say


def main(round: str, collection: str) -> None:
    """Evaluate models/<round> on one collection."""
    settings = resolved.of_stage(f"evaluate/{collection}")
    task, model = task_of(settings["task"]), Path("models") / round
    encoder = encoder_for(model, reading_for(task, settings, model), resolved.machine(), user=round)
    rank, lie = partial(by_encoder, encoder), partial(geometry, encoder)
    evaluate(round, collection, rank, settings["min_relevance"], lie, task, settings["own_id"], settings["ability"])
    # For whoever watches, and no result: the report holds every round against the base model.
    for sentence in warnings_of(round, collection):
        say(sentence)


if __name__ == "__main__":
    run(main)
