"""The texts that a run encodes, and those that a model truncates."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from commands.plan.generated import generated_queries
from commands.plan.mining import documents_read
from hone.config.params import Params
from hone.config.stage_settings import StageSettings
from hone.data import tables
from hone.data.tables import Documents
from hone.data.training_set import UNLABELLED
from hone.ir.mteb import reading_for, task_of
from hone.layout import BASE_MODEL, DATA, MODELS, collection_table
from tasks.resolve.stages import reading as reading_of


@dataclass(frozen=True)
class Read:
    """The texts that a model would read, by collection.

    Attributes:
        evaluated: collections read for evaluation: all documents, and the test and dev queries.
        trained: collections read for the scores on the model card: all documents, and the dev
            queries.
        mined: collections read for mining: the training queries, and at most `most` documents of
            each.
        most: documents per training query.
        unlabelled: whether the training queries include unlabelled ones.
    """

    evaluated: tuple[str, ...]
    trained: tuple[str, ...]
    mined: tuple[str, ...]
    most: float
    unlabelled: bool = False


def absent_texts(
    name: str,
    read: Read,
    given: Params,
    settings: dict[str, StageSettings],
    sizes: dict[str, dict[str, int]],
) -> int:
    """The number of unique texts that a model would read and that are not in the embedding cache.

    Texts are looked up by hash. If mining reads only a part of the documents, that part is not
    known in advance. It is assumed to have the same fraction of cached texts as the whole
    collection.
    """
    from hone.encoders.encoder import encoder_for
    from hone.encoders.store import Lookup

    folder, machine = MODELS / name, given.machine.model_dump()
    lookup, documents = Lookup(), {}
    for collection in dict.fromkeys((*read.evaluated, *read.trained, *read.mined)):
        documents[collection] = keys_in(
            Documents(collection_table(collection, "documents")).chunks()
        )
    plain = encoder_for(folder, reading_of(given), machine)
    for collection in read.evaluated:
        evaluate = settings[f"evaluate/{collection}"]
        encoder = encoder_for(
            folder,
            reading_for(task_of(evaluate.task), evaluate.model, evaluate.task, folder),
            machine,
        )
        lookup.want(encoder.space("document"), documents[collection])
        for split in ("test", "dev"):
            lookup.want(encoder.space("query"), keys_in([queries_of(collection, split)]))
    for collection in read.trained:
        lookup.want(plain.space("document"), documents[collection])
        lookup.want(plain.space("query"), keys_in([queries_of(collection, "dev")]))
    part = 0
    for collection in read.mined:
        unlabelled = unlabelled_of(collection) if read.unlabelled else []
        lookup.want(plain.space("query"), keys_in([queries_of(collection, "train"), unlabelled]))
        wanted = documents_read(sizes[collection], read.most)
        if wanted >= sizes[collection]["documents"]:
            lookup.want(plain.space("document"), documents[collection])
        elif collection not in read.evaluated and collection not in read.trained:
            lacking = lookup.absent_in(plain.space("document"), documents[collection])
            part += math.ceil(wanted * lacking / max(1, sizes[collection]["documents"]))
    return lookup.absent() + part


def keys_in(chunks: Iterable[list[str]]) -> np.ndarray:
    """The hashes of chunks of texts: array [n, 2]."""
    from hone.encoders.store import keys_of

    return np.concatenate([np.empty((0, 2), dtype=np.uint64), *map(keys_of, chunks)])


def queries_of(collection: str, split: str) -> list[str]:
    """The texts of a split's queries, generated ones included."""
    own = tables.read("queries", collection_table(collection, "queries", split))["text"].to_list()
    return own + generated_queries(collection).get(split, [])


def unlabelled_of(collection: str) -> list[str]:
    """The texts of unlabelled training queries."""
    file = DATA / collection / UNLABELLED
    return tables.read("queries", file)["text"].to_list() if file.exists() else []


def cut_lines(given: Params, settings: dict[str, StageSettings]) -> list[str]:
    """A sentence for each collection whose documents are truncated, and for each different
    training length.
    """
    from hone.encoders.encoder import Reading
    from hone.encoders.model_folder import ModelFolder, folder_here
    from hone.encoders.text_lengths import cut_documents

    folder = (
        BASE_MODEL if BASE_MODEL.is_dir() else folder_here(given.model.name, given.model.revision)
    )
    if folder is None or not any(folder.rglob("tokenizer.json")):
        return []
    model, reading = ModelFolder(folder), Reading.of(reading_of(given))
    apart = {
        length: [
            name
            for name in given.rounds
            if settings[f"rounds/{name}/train"].train.max_length == length
        ]
        for length in sorted(
            {settings[f"rounds/{name}/train"].train.max_length for name in given.rounds} - {None}
        )
    }
    lines = []
    for collection in dict.fromkeys([*given.train_on, *given.evaluate_on]):
        file = collection_table(collection, "documents")
        if not file.exists():
            continue
        found = cut_documents(Documents(file), model, reading)
        lines += [f"{collection}: {found.describe()}"] if found.cut else []
        for length, rounds in apart.items() if collection in given.train_on else ():
            trained = cut_documents(Documents(file), model, reading, length)
            lines.append(
                f"{collection}, in the training of {', '.join(rounds)}: {trained.describe()}"
            )
    return lines
