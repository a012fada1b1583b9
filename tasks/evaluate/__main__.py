"""evaluate: evaluate a round's model on a collection -> metrics, per query and averaged."""

from __future__ import annotations

from functools import partial

from hone.config import stage_settings
from hone.encoders.encoder import encoder_for
from hone.ir.alignment_uniformity import geometry
from hone.ir.collapse import warnings_of
from hone.ir.mteb import reading_for, task_of
from hone.ir.ranking import by_encoder
from hone.ir.results import evaluate
from hone.layout import MODELS
from hone.stage import run, say
from tasks.evaluate.settings import EvaluateSettings


def main(settings: EvaluateSettings, round: str) -> None:
    """Evaluate models/<round> on one collection."""
    collection = settings.collection
    task, model = task_of(settings.task), MODELS / round
    encoder = encoder_for(
        model,
        reading_for(task, settings.model, settings.task, model),
        stage_settings.machine(),
        user=round,
    )
    rank, lie = partial(by_encoder, encoder), partial(geometry, encoder)
    evaluate(
        round,
        collection,
        rank,
        settings.min_relevance,
        lie,
        task,
        settings.own_id,
        settings.ability,
    )
    # A log message only, not a result: the report compares every round with the base model.
    for sentence in warnings_of(round, collection):
        say(sentence)


if __name__ == "__main__":
    run(main)
