"""evaluate-reference: evaluate a reference (base model, BM25, another model, an endpoint) -> the
same metrics as for rounds.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from hone.config import stage_settings
from hone.encoders.encoder import TextEncoder, encoder_for
from hone.encoders.endpoint import EndpointEncoder
from hone.encoders.round_encoders import pinned_folder
from hone.ir.alignment_uniformity import geometry
from hone.ir.mteb import MtebTask, reading_for, task_of
from hone.ir.ranking import by_encoder
from hone.ir.results import evaluate
from hone.layout import BASE_MODEL
from hone.stage import run
from hone.transfer import Transfer, announce
from tasks.evaluate.bm25_baseline import by_words
from tasks.evaluate.settings import ReferenceSettings


def main(settings: ReferenceSettings) -> None:
    """Evaluate a reference on one collection."""
    reference, collection = settings.name, settings.collection
    task = task_of(settings.task)
    if settings.reference["kind"] == "bm25":
        rank, lie = partial(by_words, language=settings.language), None
    else:
        announce(transfers(settings), f"evaluate {reference} {collection}")
        encoder = encoder_of(reference, settings, task)
        rank, lie = partial(by_encoder, encoder), partial(geometry, encoder)
    evaluate(
        reference,
        collection,
        rank,
        settings.min_relevance,
        lie,
        task,
        settings.own_id,
        settings.ability,
    )


def transfers(settings: ReferenceSettings) -> list[Transfer]:
    """What a reference sends to its endpoint. Empty if its model is on this machine."""
    given = settings.reference
    if given["kind"] != "endpoint":
        return []
    characters = given.get("characters")
    cut = f", each cut at {characters:,} characters" if characters else ""
    texts = f"all documents, and the dev and test queries{cut}, each once"
    cost = "unknown to Hone, because embeddings have no `price` setting"
    return [
        Transfer(
            f"reference {settings.name}",
            given["url"],
            given["model"],
            given.get("key"),
            settings.collection,
            texts,
            cost,
        )
    ]


def encoder_of(
    name: str, settings: ReferenceSettings, task: MtebTask | None, here: Path | None = None
) -> TextEncoder:
    """The encoder of a reference.

    Args:
        name: name of the reference.
        settings: settings of its stage.
        task: an MTEB task, whose prompts it may use.
        here: the folder of its model. Null: the pinned model, downloaded if necessary.

    Raises:
        Refused: a model differs from the one that `resolve` pinned.
    """
    given = settings.reference
    if given["kind"] == "endpoint":
        return EndpointEncoder(
            **{key: value for key, value in given.items() if key != "kind"}, user=name
        )
    if given["kind"] == "r0":
        folder, read = BASE_MODEL, settings.model
    else:
        folder, read = here or pinned_folder(given["model"]), given["reading"]
    return encoder_for(
        folder, reading_for(task, read, settings.task, folder), stage_settings.machine(), user=name
    )


if __name__ == "__main__":
    run(main)
