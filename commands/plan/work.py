"""The work of a run: the outdated stages, the texts to encode, and the training steps."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from commands.plan.generated import generated_queries
from commands.plan.generating import ungenerated
from commands.plan.mining import documents_read, read_of_each_query
from commands.plan.texts import Read, absent_texts, unlabelled_of
from commands.plan.training import texts_of_checks, training
from hone.config.params import Params
from hone.config.stage_settings import StageSettings
from hone.data.eval_splits import has_rows
from hone.files import read_json
from hone.layout import DATA, collection_table, settings_file
from tasks.resolve.recipe_models import PROMPT, RecipeModels


@dataclass
class Work:
    """The work of a run."""

    stages: list[str]
    encode: dict[str, int | None] = field(default_factory=dict)  # texts by model; null: unknown
    train: dict[str, dict] = field(default_factory=dict)  # numbers by round; null: unknown
    unknown: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # collections that `collect` has not read yet
    # collections whose queries are not generated yet
    ungenerated: list[str] = field(default_factory=list)
    checked: dict[str, int] = field(
        default_factory=dict
    )  # texts that dev checks encode during training; their vectors are not cached

    @property
    def sized(self) -> bool:
        """Whether the sizes of all collections are known."""
        return not self.unread and not self.ungenerated

    @property
    def texts(self) -> int:
        """The texts to encode, as far as they are known."""
        return sum(count for count in self.encode.values() if count is not None)

    @property
    def steps(self) -> int:
        """The training steps, as far as they are known."""
        return sum(item["steps"] or 0 for item in self.train.values())


def work_of(given: Params, settings: dict[str, StageSettings]) -> Work:
    """What would run, from DVC's graph, the outdated stages, and the settings that `resolve`
    would change.
    """
    from hone.pipeline import graph as dvc

    graph = dvc.graph()
    to_run = stages_to_run(graph, dvc.out_of_date(), changed_settings(settings))
    work = Work(to_run)
    sizes = {name: counts(name) for name in {*given.train_on, *given.evaluate_on}}
    work.unread = sorted(name for name, found in sizes.items() if found is None)
    if work.unread:
        return work
    work.ungenerated = ungenerated(given, settings)
    work.unknown += stale(given, to_run, set(work.ungenerated))
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
        if reads_ungenerated(work.ungenerated, given, evaluated | trained, bool(reads)):
            work.encode[name] = None
        if f"train@{name}" in to_run and set(work.ungenerated) & set(given.train_on):
            steps = settings[f"rounds/{name}/train"].train.steps
            work.train[name] = {"queries": None, "steps": steps, "pairs": None}
        elif f"train@{name}" in to_run:
            of_round = settings[f"rounds/{name}/train"]
            kinds = ("train", "unlabelled") if of_round.unlabelled else ("train",)
            work.train[name] = training(
                of_round.train, *(sum(sizes[one][kind] for one in given.train_on) for kind in kinds)
            )
            if of_dev := texts_of_checks(
                of_round.train, work.train[name]["steps"], [sizes[one] for one in given.train_on]
            ):
                work.checked[name] = of_dev
    work.encode = {name: count for name, count in work.encode.items() if count != 0}
    work.unknown += not_counted(given, settings, to_run)
    return work


def reads_ungenerated(names: list[str], given: Params, evaluated: set[str], mines: bool) -> bool:
    """Whether a model would encode queries that are not generated yet.

    Args:
        names: the collections whose queries are not generated yet.
        given: params.yaml.
        evaluated: the collections that the model is evaluated on.
        mines: whether the model encodes training queries.
    """
    return any(
        (mines and name in given.train_on) or (name in evaluated and not has_own_dev(name))
        for name in names
    )


def has_own_dev(collection: str) -> bool:
    """Whether a collection has labelled dev queries of its own."""
    return has_rows(collection_table(collection, "qrels", "dev"))


def stale(given: Params, to_run: list[str], new: set[str]) -> list[str]:
    """Sentences on the collections that would be read again, and on the queries that would be
    generated again, so their numbers may change.

    Args:
        given: params.yaml.
        to_run: the stages that would run.
        new: the collections whose queries are not generated yet.
    """
    names = {*given.train_on, *given.evaluate_on}
    again = sorted(name for name in names if f"collect@{name}" in to_run)
    made = sorted(
        name
        for name in names - new
        if f"generate@{name}" in to_run and given.collections[name].generate is not None
    )
    these = "its size is that" if len(again) == 1 else "their sizes are those"
    return [
        *(
            [
                f"collection {', '.join(again)}: {these} of the last read. `hone plan --collect` "
                "reads again."
            ]
            if again
            else []
        ),
        *(
            [
                f"generated queries of {', '.join(made)}: their number is that of the last "
                "generation."
            ]
            if made
            else []
        ),
    ]


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
    collection was not read yet. Generated queries count in the split that reads them.
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
    for split, more in generated_queries(collection).items():
        queries[split] += len(more)
    return {"documents": documents, **queries, "unlabelled": len(unlabelled_of(collection))}
