"""`hone plan`: what `dvc repro` would run, the amount of work, and a time estimate from a short
measurement.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from commands.console import line, size, spell, table
from commands.plan.judging import plan_judging
from commands.plan.mining import documents_read, read_of_each_query
from hone.config import params
from hone.config.params import Params
from hone.config.sections.train import Train
from hone.config.stage_settings import StageSettings
from hone.data import tables
from hone.data.labels import positives_of
from hone.data.tables import Documents
from hone.data.training_set import UNLABELLED
from hone.errors import listed
from hone.files import read_json, size_of
from hone.ir.mteb import reading_for, task_of
from hone.layout import BASE, BASE_MODEL, DATA, MODELS, collection_table, round_table, settings_file
from tasks.resolve.recipe_models import PROMPT, RecipeModels
from tasks.resolve.stages import everything
from tasks.resolve.stages import reading as reading_of

PROBE_TEXTS, PROBE_STEPS = 256, 2
LOW, HIGH = (
    0.7,
    1.6,
)  # range around an estimate: texts differ in length, and other processes may use the machine
SECONDS_PER_STAGE = 3.0  # starting Python, reading and writing tables
BYTES_PER_NUMBER = 4


@dataclass
class Work:
    """The work of a run."""

    stages: list[str]
    encode: dict[str, int] = field(default_factory=dict)
    train: dict[str, dict] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    sized: bool = True  # false if a collection that would be read has not been collected yet
    checked: dict[str, int] = field(
        default_factory=dict
    )  # texts that dev checks encode during training; their vectors are not cached

    @property
    def texts(self) -> int:
        return sum(self.encode.values())

    @property
    def steps(self) -> int:
        return sum(item["steps"] for item in self.train.values())


def plan(probe: bool) -> None:
    """Print what `dvc repro` would run; with `probe`, measure this machine to estimate the time."""
    given = params.read()
    settings = everything(given)
    work = work_of(given, settings)
    if not work.stages:
        line("Nothing to do: all results are up to date.")
        return
    line(
        f"{len(work.stages)} stages may run (DVC skips a stage whose inputs do not change): "
        f"{', '.join(work.stages)}"
    )
    rows = [
        (
            name,
            work.encode.get(name),
            *(work.train.get(name, {}).get(key) for key in ("queries", "steps", "pairs")),
        )
        for name in dict.fromkeys([*work.encode, *work.train])
    ]
    if rows:
        table(("model", "texts to encode", "training queries", "steps", "pairs"), rows)
    if work.checked:
        line(
            f"dev checks during training encode about {sum(work.checked.values()):,} more texts, "
            "without caching (`train.dev_checks`)"
        )
    for sentence in [*work.unknown, *downloads(given), *cut_lines(given, settings)]:
        line(sentence)
    plan_judging(given, settings, work.stages)
    if work.sized:
        line(f"disk: about {size(disk(work))}")
    if not probe:
        line("no time estimate (--no-probe)")
        return
    if not work.texts and not work.steps:
        line(
            "time: seconds; no encoding and no training"
            if work.sized
            else "time: unknown until the collections are read"
        )
        return
    rate, step, speed = measure_speed(given, settings, work)
    texts = work.texts + sum(work.checked.values())
    seconds = (
        (texts / rate if rate else 0)
        + work.steps * (step or 0)
        + len(work.stages) * SECONDS_PER_STAGE
    )
    line(speed)
    between = f"between {spell(LOW * seconds)} and {spell(HIGH * seconds)}"
    line(f"time: about {spell(seconds)} ({between}), if no other process uses this machine")


def work_of(given: Params, settings: dict[str, StageSettings]) -> Work:
    """What would run, from DVC's graph, the outdated stages, and the settings that `resolve`
    would change.
    """
    from hone.pipeline import graph as dvc

    graph = dvc.graph()
    to_run = stages_to_run(graph, dvc.out_of_date(), changed_settings(settings))
    work = Work(to_run)
    sizes = {name: counts(name) for name in {*given.train_on, *given.evaluate_on}}
    missing = sorted(name for name, found in sizes.items() if found is None)
    if missing:
        collecting = " ".join(f"collect@{name}" for name in missing)
        these = (
            f"Collection '{missing[0]}' has"
            if len(missing) == 1
            else f"Collections {listed(missing)} have"
        )
        work.unknown.append(
            f"{these} not been read yet, so the work is unknown. Run `dvc repro {collecting}`."
        )
        work.sized = False
        return work
    mined = {
        later: read_of_each_query(settings, later)
        for later in given.rounds
        if f"retrieve@{later}" in to_run
    }
    for name in ["r0", *given.rounds]:
        new = f"train@{name}" in to_run or (name == "r0" and "start" in to_run)
        evaluated = {
            collection
            for collection in given.evaluate_on
            if f"evaluate@{name}-{collection}" in to_run
            or f"evaluate-reference@{name}-{collection}" in to_run
        }
        reads = max((models.get(name, 0) for models in mined.values()), default=0)
        trained = (
            set(given.train_on)
            if name != "r0" and new and settings[f"rounds/{name}/train"].train.dev_scores
            else set()
        )
        texts = sum(
            sizes[one]["documents"] + sizes[one]["test"] + sizes[one]["dev"]
            for one in evaluated | trained
        )
        unlabelled = any(
            name in models and settings[f"rounds/{later}/retrieve"].unlabelled
            for later, models in mined.items()
        )
        mining = (
            {
                one: size | {"train": size["train"] + size["unlabelled"]}
                for one, size in sizes.items()
            }
            if unlabelled
            else sizes
        )
        for one in given.train_on if reads else ():
            texts += mining[one]["train"] + (
                documents_read(mining[one], reads) if one not in evaluated | trained else 0
            )
        if texts:
            read = Read(
                tuple(evaluated),
                tuple(trained),
                tuple(given.train_on) if reads else (),
                reads,
                unlabelled,
            )
            work.encode[name] = texts if new else absent_texts(name, read, given, settings, mining)
        if f"train@{name}" in to_run:
            of_round = settings[f"rounds/{name}/train"]
            kinds = ("train", "unlabelled") if of_round.unlabelled else ("train",)
            work.train[name] = training(
                of_round.train, *(sum(sizes[one][kind] for one in given.train_on) for kind in kinds)
            )
            if of_dev := texts_of_checks(
                of_round.train, work.train[name]["steps"], [sizes[one] for one in given.train_on]
            ):
                work.checked[name] = of_dev
    work.encode = {name: count for name, count in work.encode.items() if count}
    work.unknown += not_counted(given, settings, to_run)
    return work


def downloads(given: Params) -> list[str]:
    """The models that recipes and judges name and that have to be downloaded first."""
    rows = [
        row
        for round in given.rounds
        for row in RecipeModels.of(given, round).named()
        if row.route != PROMPT
    ]
    absent = {row.name: row.role for row in rows if not row.here}
    return [
        f"model {name} ({role}) is downloaded from the Hub first" for name, role in absent.items()
    ]


def not_counted(given: Params, settings: dict[str, StageSettings], to_run: list[str]) -> list[str]:
    """A sentence on stages that would run but are not counted: cross-encoder training and
    scoring.
    """
    ranking = [
        f"rank@{name}" for name in given.rounds if settings[f"rounds/{name}/rank"].rank != "none"
    ]
    scoring = [
        f"score@{name}"
        for name in given.rounds
        if any(
            scorer["method"] == "cross-encoder"
            for scorer in settings[f"rounds/{name}/score"].scorers.values()
        )
    ]
    found = [stage for stage in [*ranking, *scoring] if stage in to_run]
    return [f"not counted: {', '.join(found)} (cross-encoder training or scoring)"] if found else []


def stages_to_run(graph: list, out_of_date: set[str], changed: set[str]) -> list[str]:
    """The outdated stages, those whose settings would change, and all stages that depend on
    them.
    """
    running: set[str] = set()
    for stage in graph:
        own = stage.name in out_of_date or bool(changed & set(stage.reads))
        behind = any(name in running and name != "resolve" for name in stage.needs)
        if own or behind:
            running.add(stage.name)
    return [stage.name for stage in graph if stage.name in running]


def changed_settings(settings: dict[str, StageSettings]) -> set[str]:
    """The files below resolved/ that `resolve` would change."""
    return {
        str(file)
        for name, values in settings.items()
        for file in [settings_file(name)]
        if not file.exists() or read_json(file) != values.plain()
    }


def counts(collection: str) -> dict[str, int] | None:
    """Unique document texts, queries of each split, and unlabelled training queries; null if the
    collection was not read yet.
    """
    folder = DATA / collection
    if not (folder / "about.json").exists():
        return None
    about = read_json(folder / "about.json")
    documents = (
        pl.scan_parquet(folder / "documents.parquet")
        .select(pl.struct("title", "text").n_unique())
        .collect()
        .item()
    )
    queries = {split: about[split]["queries"] for split in ("train", "dev", "test")}
    return {"documents": documents, **queries, "unlabelled": len(unlabelled_of(collection))}


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
    """The texts of a split's queries."""
    return tables.read("queries", collection_table(collection, "queries", split))["text"].to_list()


def unlabelled_of(collection: str) -> list[str]:
    """The texts of unlabelled training queries."""
    file = DATA / collection / UNLABELLED
    return tables.read("queries", file)["text"].to_list() if file.exists() else []


def training(section: Train, answered: int, unanswered: int = 0) -> dict[str, int]:
    """Queries, steps and pairs (query with positive or negative) of a round's training.
    Unanswered queries have no positive.
    """
    batch = section.batch["parameters"].get("size", 1)
    queries = answered + unanswered
    positives = answered / queries if unanswered else 1
    steps = section.steps or math.ceil(math.ceil(queries / batch) * section.epochs)
    return {
        "queries": queries,
        "steps": steps,
        "pairs": round(steps * batch * (positives + section.negatives)),
    }


def texts_of_checks(section: Train, steps: int, sizes: list[dict[str, int]]) -> int:
    """Texts that a round's dev checks encode: queries, one positive per query, and nearest
    documents, at each check.
    """
    from tasks.train.dev_checks import MOST_QUERIES, NEAREST

    if not section.dev_scores:
        return 0
    queries = min(MOST_QUERIES, sum(size["dev"] for size in sizes))
    documents = min((1 + NEAREST) * queries, sum(size["documents"] for size in sizes))
    return min(section.dev_checks, steps) * (queries + documents)


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


def disk(work: Work) -> float:
    """Bytes for two copies of each trained model (DVC caches one) and for the vectors of all
    texts.
    """
    from hone.encoders.model_folder import folder_of

    given = params.read().model
    source = BASE_MODEL if BASE_MODEL.is_dir() else folder_of(given.name, given.revision)
    return 2 * size_of(source) * len(work.train) + work.texts * dimension(source) * BYTES_PER_NUMBER


def dimension(source: Path) -> int:
    """The dimension of a model's vectors, from its configuration."""
    pooling = next(
        (
            read_json(file)
            for file in sorted(source.rglob("config.json"))
            if "Pooling" in file.parent.name
        ),
        {},
    )
    return (
        pooling.get("word_embedding_dimension")
        or pooling.get("embedding_dimension")
        or read_json(source / "config.json")["hidden_size"]
    )


def measure_speed(
    given: Params, settings: dict[str, StageSettings], work: Work
) -> tuple[float | None, float | None, str]:
    """Texts per second, seconds per training step, and a sentence with both."""
    from hone.encoders.device_lock import torch_lock
    from hone.encoders.encoder import Reading
    from hone.encoders.model_folder import ModelFolder, folder_of
    from hone.encoders.precision import device_of

    source = (
        BASE_MODEL if BASE_MODEL.is_dir() else folder_of(given.model.name, given.model.revision)
    )
    reading, model = (
        Reading.of(settings[f"evaluate/{given.evaluate_on[0]}"].model),
        ModelFolder(source),
    )
    device = device_of(given.machine.device)
    with torch_lock(device):
        rate = (
            encoding_rate(model, reading, device, given.machine.batch_tokens)
            if work.texts or work.checked
            else None
        )
        step = max(
            (
                step_time(model, reading, device, settings[f"rounds/{name}/train"].train)
                for name in work.train
            ),
            default=None,
        )
    parts = [
        *([f"{rate:,.0f} texts/s ({PROBE_TEXTS} documents)"] if rate else []),
        *([f"{step:.1f} s per training step (slowest round, {PROBE_STEPS} steps)"] if step else []),
    ]
    return rate, step, f"measured on {device}, {reading.precision}: {', '.join(parts)}"


def sample_texts(count: int) -> list[str]:
    """Evenly spaced documents of the first collection."""
    from hone.data import training_set

    texts = [text for chunk in next(iter(training_set.read())).documents.chunks() for text in chunk]
    return texts[:: max(1, len(texts) // count)][:count]


def encoding_rate(model, reading, device: str, batch_tokens: int | None) -> float:
    """Documents per second, after a warm-up."""
    from hone.encoders.batched_inference import TorchEncoder

    texts = sample_texts(PROBE_TEXTS)
    encoder = TorchEncoder(
        model.load(reading.length(model), device),
        "document",
        reading.prompt(model, "document"),
        reading.precision,
        batch_tokens,
    )
    encoder.encode(texts[:32])
    began = time.monotonic()
    encoder.encode(texts)
    return len(texts) / (time.monotonic() - began)


def step_time(model, reading, device: str, section: Train) -> float:
    """Seconds per training step with a round's batch: its positives, and other documents as
    negatives.
    """

    from hone.data import training_set
    from tasks.train.examples import examples
    from tasks.train.trainer import train, trainer

    training = training_set.read()
    positives = positives_of(tables.read("labels", round_table(BASE, "labels")))
    negatives = [
        positives.with_columns(
            doc_id=pl.col("doc_id").shift(shift, fill_value=pl.col("doc_id").first()),
            label=pl.lit("negative", dtype=positives["label"].dtype),
            rank=pl.lit(shift, dtype=pl.Int32),
        )
        for shift in range(1, section.negatives + 1)
    ]
    labels = pl.concat([positives, *negatives]).unique(
        ["query_id", "doc_id"], keep="first", maintain_order=True
    )
    made = examples(labels, training.queries(), training.texts(labels["doc_id"].unique()))
    prompts = {route: reading.prompt(model, route) for route in ("query", "document")}
    with tempfile.TemporaryDirectory() as folder:
        probe_section = section.model_copy(
            update={"steps": PROBE_STEPS + 1, "checkpoint_steps": 10**6}
        )
        ready = trainer(
            model.load(reading.length(model, section.max_length), device),
            made,
            probe_section,
            prompts,
            {},
            0,
            Path(folder),
        )
        clock = step_clock()
        ready.add_callback(clock)
        train(ready)
    return clock.mean


def step_clock():
    """A callback that times all steps except the first, which is a warm-up."""
    from transformers import TrainerCallback

    class StepClock(TrainerCallback):
        def __init__(self) -> None:
            self.began: list[float] = []
            self.ended: list[float] = []

        def on_step_begin(self, *_: object, **__: object) -> None:
            self.began.append(time.monotonic())

        def on_step_end(self, *_: object, **__: object) -> None:
            self.ended.append(time.monotonic())

        @property
        def mean(self) -> float:
            spent = [end - begin for begin, end in zip(self.began, self.ended, strict=True)][1:]
            return sum(spent) / len(spent)

    return StepClock()
