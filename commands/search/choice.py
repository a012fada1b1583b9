"""What `hone search` searches: the collection, the models, and how they read texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hone.config.params import Params
from hone.config.stage_settings import Reading
from hone.data.own_id import OwnId, own_id_of
from hone.encoders.encoder import Encoder, encoder_for
from hone.errors import Refused, listed, nearest
from hone.files import read_json
from hone.ir.mteb import reading_for, task_of
from hone.layout import BASE, MODELS, collection_table, is_trained, metrics_file
from tasks.evaluate.settings import EvaluateSettings

MOST_MODELS = 2


@dataclass(frozen=True)
class HowRead:
    """How evaluation reads a collection.

    Attributes:
        reading: maximum length, prompts and precision.
        task: the section of an MTEB task. Null: the collection is not one.
        own_id: handling of the document with a query's own id.
        min_relevance: the lowest relevance grade of a positive.
    """

    reading: Reading
    task: dict | None
    own_id: OwnId
    min_relevance: int


def choose_collection(given: Params, name: str | None) -> str:
    """The collection to search: the named one, or the first of `evaluate_on`.

    Raises:
        Refused: it is not in params.yaml, or it has not been collected.
    """
    chosen = name or given.evaluate_on[0]
    if chosen not in given.collections:
        raise Refused(
            f"--collection is '{chosen}', which is not in params.yaml; "
            f"{nearest(chosen, given.collections)}"
        )
    if not collection_table(chosen, "documents").exists():
        raise Refused(
            f"The collection '{chosen}' has not been collected, so there is nothing to search. "
            f"Run `dvc repro collect@{chosen}`."
        )
    return chosen


def choose_models(given: Params, wanted: str | None, collection: str) -> list[str]:
    """The models to compare, the baseline first.

    Args:
        given: the contents of params.yaml.
        wanted: names, separated by commas. Null: r0 and the round with the best nDCG@10 on dev,
            or the last trained round if none is evaluated. r0 alone if no round is trained.
        collection: the searched collection.

    Raises:
        Refused: a round does not exist or is not trained, or there are not one or two names.
    """
    if wanted is None:
        trained = [name for name in given.rounds if is_trained(name)]
        names = [BASE, *([best_on_dev(trained, collection) or trained[-1]] if trained else [])]
    else:
        names = [name.strip() for name in wanted.split(",") if name.strip()]
    if not 1 <= len(names) <= MOST_MODELS or len(set(names)) < len(names):
        raise Refused(f"--models is '{wanted}'. Name one or two different rounds, such as r0,r2.")
    known = [BASE, *given.rounds]
    for name in names:
        if name not in known:
            raise Refused(f"--models names '{name}', which is not a round; {nearest(name, known)}")
        if not is_trained(name):
            there = listed(one for one in known if is_trained(one))
            raise Refused(
                f"--models names {name}, but {MODELS / name} does not exist yet. Run `dvc repro "
                f"{'base' if name == BASE else f'train@{name}'}`"
                f"{f', or choose from {there}' if there else ''}."
            )
    return names


def best_on_dev(names: list[str], collection: str) -> str | None:
    """The round with the highest nDCG@10 on the dev queries. Null if none has been evaluated on
    them.
    """
    found: dict[str, float] = {}
    for name in names:
        file = metrics_file(name, collection)
        dev = read_json(file).get("dev") if file.exists() else None
        if dev:
            found[name] = dev["ndcg_at_10"]
    return max(found, key=found.__getitem__) if found else None


def find_settings(given: Params, collection: str) -> HowRead:
    """How evaluation reads a collection: its resolved settings, or those of params.yaml if it is
    not evaluated.
    """
    if EvaluateSettings.file(collection=collection).exists():
        settings = EvaluateSettings.read(collection=collection)
        return HowRead(settings.model, settings.task, settings.own_id, settings.min_relevance)
    from tasks.resolve.stages import mteb_task_of, reading

    item = given.collections[collection]
    return HowRead(
        reading(given), mteb_task_of(item), own_id_of(item.source, item.own_id), item.min_relevance
    )


def open_encoder(given: Params, name: str, how: HowRead) -> Encoder:
    """The encoder of a round with the prompts of the collection."""
    folder: Path = MODELS / name
    reading = reading_for(task_of(how.task), how.reading, how.task, folder)
    return encoder_for(folder, reading, given.machine.model_dump(), user=name)
