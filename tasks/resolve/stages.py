"""The settings of every stage, by the name of its file below resolved/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hone.compare import query_strata
from hone.config import code_fingerprint, methods, recipe
from hone.config.params import STAGES, Collection, Params
from hone.config.recipe import mined_as
from hone.config.recipe_schema import Recipe
from hone.config.sections.rank import Rank
from hone.config.sections.sample import GUARDS
from hone.config.sections.train import Train
from hone.config.source_name import source_name
from hone.config.stage_settings import NONE, Reading, RoundItem, RoundSettings, StageSettings
from hone.data import rounds as lineage
from hone.data import user_tables
from hone.data.own_id import own_id_of
from hone.encoders.model_folder import pinned
from hone.encoders.precision import device_of, precision_of
from hone.errors import Refused
from hone.files import fingerprint_of_file
from hone.ir import diagnostic_suites
from hone.ir.measures import NAMES
from hone.judging import settings as judges
from hone.layout import BASE, INPUTS
from tasks.base.settings import BaseModelSettings
from tasks.collect.settings import CollectSettings
from tasks.drift.settings import DriftSettings
from tasks.evaluate.settings import EvaluateSettings, ReferenceSettings
from tasks.leakage.settings import GateSettings, LeakageSettings
from tasks.rank.settings import RankSettings
from tasks.relabel.settings import RelabelSettings
from tasks.report import registry
from tasks.report.settings import OpenSettings, ReportSettings, TrackSettings
from tasks.resolve import generation, reference_models
from tasks.resolve.recipe_lines import (
    refuse_no_ranker,
    refuse_training_lengths,
    refuse_unscored,
    scorers,
    used_judges,
    used_lines,
    used_methods,
)
from tasks.resolve.recipe_models import RecipeModels
from tasks.retrieve.settings import RetrieveSettings
from tasks.sample.settings import SampleSettings
from tasks.score.settings import ScoreSettings
from tasks.start.settings import StartSettings
from tasks.train.settings import TrainSettings


def everything(given: Params) -> dict[str, StageSettings]:
    """The settings of every stage, by the name of its file below resolved/."""
    recipes = {name: recipe.recipe_of(given, name) for name in given.rounds}
    refuse_no_ranker(given, recipes)
    refuse_training_lengths(given, recipes)
    model, suites = reading(given), diagnostic_suites.of_all(given)
    rounds = {
        name: {"from": item.start, "recipe": item.recipe} for name, item in given.rounds.items()
    }
    settings: dict[str, StageSettings] = {
        f"collect/{name}": collect(given, name) for name in given.collections
    }
    settings["base"] = BaseModelSettings(
        model=pinned(given.model.name, given.model.revision),
        **code_fingerprint.fingerprints(["tasks.base.__main__"]),
    )
    settings |= {
        f"generate/{name}": generation.generate(given, name, seed_of(given, name), model)
        for name in given.collections
    }
    settings["start"] = start(given)
    unlabelled = any(made.train.reads_unlabelled for made in recipes.values())
    settings |= {f"leakage/{name}": leakage(given, name, unlabelled) for name in given.evaluate_on}
    settings["admit"] = GateSettings(
        refuse_above=given.leakage.refuse_above,
        evaluate_on=given.evaluate_on,
        **code_fingerprint.fingerprints(["tasks.leakage.gate"]),
    )
    for name, item in given.rounds.items():
        for stage in STAGES:
            settings[f"rounds/{name}/{stage}"] = stage_of_round(
                given, name, item.start, recipes[name], stage, model
            )
    for name in given.evaluate_on:
        settings[f"evaluate/{name}"] = evaluate(given, name, model, suites)
        settings |= {
            f"reference/{reference}/{name}": of_reference(given, reference, name, model, suites)
            for reference in given.compare_with
        }
    settings["open"] = OpenSettings(
        loop={
            "train_on": list(given.train_on),
            "model": settings["base"].model | model,
            "seed": given.seed,
        },
        rounds=[made_of(settings, name, item) for name, item in rounds.items()],
        **code_fingerprint.fingerprints(["tasks.report.mlflow_loop"]),
    )
    positions = {BASE: 0} | {name: place for place, name in enumerate(rounds, start=1)}
    for name in [*given.compare_with, *rounds]:
        settings[f"track/{name}"] = TrackSettings(
            evaluate_on=given.evaluate_on,
            made=made_of(settings, name, rounds[name]) if name in rounds else None,
            position=positions.get(name),
            measures=[*NAMES, *diagnostic_suites.measures(suites)],
            **code_fingerprint.fingerprints(["tasks.report.mlflow_rounds"]),
        )
    settings["drift"] = DriftSettings(
        rounds=rounds,
        model=model,
        seed=given.seed,
        **code_fingerprint.fingerprints(["tasks.drift.__main__"]),
    )
    settings["report"] = report(given, rounds, recipes, suites, settings)
    return settings


def start(given: Params) -> StartSettings:
    """Settings of `start`."""
    items = {name: given.collections[name] for name in given.train_on}
    return StartSettings(
        train_on=list(given.train_on),
        shares=given.shares,
        min_relevance={name: item.min_relevance for name, item in items.items()},
        language={name: item.language for name, item in items.items()},
        own_id={name: own_id_of(item.source, item.own_id) for name, item in items.items()},
        **code_fingerprint.fingerprints(["tasks.start.__main__"]),
    )


def leakage(given: Params, name: str, unlabelled: bool) -> LeakageSettings:
    """Settings of `leakage` for one collection. `unlabelled`: a round trains on queries without
    a positive.
    """
    return LeakageSettings(
        collection=name,
        min_relevance=given.collections[name].min_relevance,
        seed=seed_of(given, name),
        unlabelled=unlabelled,
        **code_fingerprint.fingerprints(["tasks.leakage.__main__"]),
    )


def evaluate(given: Params, name: str, model: Reading, suites: dict[str, str]) -> EvaluateSettings:
    """Settings of `evaluate` for one collection."""
    code = code_fingerprint.fingerprints(
        ["tasks.evaluate.__main__", *diagnostic_suites.modules(suites, name)]
    )
    return EvaluateSettings(**evaluated(given, name, model, suites), **code)


def of_reference(
    given: Params, reference: str, name: str, model: Reading, suites: dict[str, str]
) -> ReferenceSettings:
    """Settings of `evaluate-reference` for one reference and collection."""
    code = code_fingerprint.fingerprints(
        ["tasks.evaluate.reference", *diagnostic_suites.modules(suites, name)]
    )
    return ReferenceSettings(
        **evaluated(given, name, model, suites),
        name=reference,
        language=given.collections[name].language,
        reference=reference_models.resolved(given, reference),
        **code,
    )


def evaluated(given: Params, name: str, model: Reading, suites: dict[str, str]) -> dict[str, Any]:
    """Evaluation settings that all models share on a collection."""
    item = given.collections[name]
    return {
        "collection": name,
        "model": model,
        "min_relevance": item.min_relevance,
        "task": mteb_task_of(item),
        "ability": suites.get(name),
        "own_id": own_id_of(item.source, item.own_id),
    }


def report(
    given: Params,
    rounds: dict[str, RoundItem],
    recipes: dict[str, Recipe],
    suites: dict[str, str],
    settings: dict[str, StageSettings],
) -> ReportSettings:
    """Settings of `report`. `settings`: those of all earlier stages."""
    methods_named = [*report_modules(), *diagnostic_suites.modules(suites)]
    return ReportSettings(
        rounds=rounds,
        compare_with=given.compare_with,
        evaluate_on=given.evaluate_on,
        abilities=suites,
        min_relevance={name: given.collections[name].min_relevance for name in given.evaluate_on},
        language={name: given.collections[name].language for name in given.evaluate_on},
        train_on=list(given.train_on),
        refuse_above=given.leakage.refuse_above,
        seed=given.seed,
        recipes={name: found.model_dump(mode="json") for name, found in recipes.items()},
        evidence={
            name: judges.evidence_of_last(settings[f"rounds/{name}/relabel"].relabel)
            for name in rounds
        },
        model=reading(given) | {"name": given.model.name, "revision": given.model.revision},
        versions={
            package: number
            for values in settings.values()
            for package, number in values.packages.items()
        },
        **code_fingerprint.fingerprints(
            ["tasks.report.__main__", "tasks.report.page.render", *methods_named]
        ),
    )


def report_modules() -> list[str]:
    """The sections and query slices that the report finds by name."""
    return [
        *registry.list_modules(),
        *(methods.find(query_strata.PLACE, name).module for name in query_strata.list_strata()),
    ]


def made_of(settings: dict[str, StageSettings], name: str, item: RoundItem) -> dict:
    """The definition of a round: its start round, its recipe's name, and each stage's section."""
    sections = {stage: settings[f"rounds/{name}/{stage}"].plain()[stage] for stage in STAGES}
    return {"round": name, **item, **sections, "relabel": judges.drop_evidence(sections["relabel"])}


def reading(given: Params) -> Reading:
    """The reading settings of every round, with `auto` resolved."""
    precision = precision_of(given.model.precision, device_of(given.machine.device))
    return {
        "max_length": given.model.max_length,
        "prompts": given.model.prompts.model_dump(),
        "precision": precision,
    }


def collect(given: Params, name: str) -> CollectSettings:
    """Settings of `collect` for one collection."""
    item = given.collections[name]
    source, _, what = item.source.partition(":")
    line = methods.checked("collect", {source: item.options}, f"params.yaml: collections.{name}")
    method = methods.find("collect", source)
    if check := method.beside("check"):
        check(what or None, line["parameters"])
    if (
        what
        and method.beside("READS_FILES", True)
        and Path(what).exists()
        and not Path(what).resolve().is_relative_to(Path(item.path).resolve())
    ):
        raise Refused(
            f"params.yaml: collections.{name}: the source reads {what}, but `path` is "
            f"{item.path}. DVC tracks `path`, so both "
            f"must be the same. Write `path: {what}`."
        )
    if not diagnostic_suites.made_from(given, name) and not what and not Path(item.path).exists():
        raise Refused(
            f"params.yaml: collections.{name}: `path` is {item.path}, which does not exist. "
            "Correct it."
        )
    copied = (
        "hide",
        "train_queries",
        "min_relevance",
        "absent_labels",
        "repeated_queries",
        "empty_documents",
        "split",
        "language",
    )
    return CollectSettings(
        collection=name,
        **line,
        what=what or None,
        path=item.path,
        train=name in given.train_on,
        evaluate=name in given.evaluate_on,
        generated=item.generate is not None,
        seed=seed_of(given, name),
        own_id=own_id_of(item.source, item.own_id),
        model=tokenizer_of(given, source, line["parameters"]),
        **{setting: getattr(item, setting) for setting in copied},
        **code_fingerprint.fingerprints(
            ["tasks.collect.__main__", methods.find("collect", source).module]
        ),
    )


def tokenizer_of(given: Params, source: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
    """The model whose tokenizer measures the chunks of a collection. Null: the source needs
    none.
    """
    needs_model = methods.find("collect", source).beside("needs_model")
    if needs_model is None or not needs_model(parameters):
        return None
    pin = pinned(given.model.name, given.model.revision)
    return pin | {
        "max_length": given.model.max_length,
        "prompt": given.model.prompts.document,
    }


def seed_of(given: Params, name: str) -> int:
    """The seed of a collection's draws before any round."""
    own = given.collections[name].seed
    return given.seed if own is None else own


def mteb_task_of(item: Collection) -> dict | None:
    """The MTEB task of a collection. Null if it is not one."""
    source, _, what = item.source.partition(":")
    if source != "mteb":
        return None
    options = methods.checked("collect", {source: item.options}, "")["parameters"]
    return {"name": what, **{name: options[name] for name in ("subset", "split", "instruction")}}


SETTINGS: dict[str, type[RoundSettings]] = {
    "retrieve": RetrieveSettings,
    "rank": RankSettings,
    "score": ScoreSettings,
    "sample": SampleSettings,
    "relabel": RelabelSettings,
    "train": TrainSettings,
}


def stage_of_round(
    given: Params, name: str, parent: str, made: Recipe, stage: str, model: Reading
) -> RoundSettings:
    """Settings of one stage of one round."""
    parts = {
        "retrieve": of_retrieve,
        "rank": of_rank,
        "score": of_score,
        "sample": of_sample,
        "relabel": of_relabel,
        "train": of_train,
    }
    values, used = parts[stage](given, name, parent, made, model)
    rounds = {other: {"from": item.start} for other, item in given.rounds.items()}
    shared: dict[str, Any] = {
        "round": name,
        "from": parent,
        "seed": given.seed,
        "draws": lineage.draws_of(rounds, name),
    }
    if stage != "rank":
        shared["unlabelled"] = made.train.reads_unlabelled
    if stage != "train":
        shared["refreshed"] = judges.refreshed(given, made, name)
    code = code_fingerprint.fingerprints(
        [f"tasks.{stage}.__main__", *(methods.find(place, method).module for place, method in used)]
    )
    return SETTINGS[stage](**shared, **values, **code)


Part = tuple[
    dict[str, Any], list[tuple[str, str]]
]  # settings of one stage, and place and name of its methods


def of_retrieve(given: Params, name: str, parent: str, made: Recipe, model: Reading) -> Part:
    values = {
        "retrieve": made.retrieve or NONE,
        "model": model,
        "teachers": RecipeModels(given, made, name).encoders("retrieve", "score"),
    }
    return values | {"files": input_files("retrieve", made.retrieve)}, used_methods(
        "retrieve", made.retrieve
    )


def of_rank(given: Params, name: str, parent: str, made: Recipe, model: Reading) -> Part:
    if made.rank is None:
        return {"rank": NONE}, []
    guards = [line for line in made.sample.filters if line["method"] in GUARDS]
    values = {
        "rank": with_precision(given, made.rank, model),
        "model": model,
        "base": RecipeModels(given, made, name).ranker_base(),
        "guards": guards,
    }
    return values | {"recipe": given.rounds[name].recipe}, [
        ("sample.filters", line["method"]) for line in guards
    ]


def of_score(given: Params, name: str, parent: str, made: Recipe, model: Reading) -> Part:
    values = {
        "score": made.score or NONE,
        "model": model,
        "teachers": RecipeModels(given, made, name).encoders("retrieve", "score"),
    }
    values |= {
        "scorers": scorers(made),
        "cross_encoders": RecipeModels(given, made, name).cross_encoders(),
    }
    return values, [
        *used_methods("score", made.score),
        *(("score", line["method"]) for line in scorers(made).values()),
    ]


def of_sample(given: Params, name: str, parent: str, made: Recipe, model: Reading) -> Part:
    section = made.sample.model_dump(mode="json")
    used = used_methods("sample", section)
    vectors = any("models" in methods.find(place, method).reads for place, method in used)
    rounds = {other: {"from": item.start} for other, item in given.rounds.items()}
    before = lineage.made_by(rounds, parent) if made.train.reads_unlabelled else []
    values = {
        "sample": made.sample,
        "before": before,
        "sources": [source_name(line) for line in made.retrieve],
    }
    return values | {"files": input_files("sample", section)} | (
        {"model": model, "teachers": RecipeModels(given, made, name).encoders("retrieve", "score")}
        if vectors
        else {}
    ), used


def of_relabel(given: Params, name: str, parent: str, made: Recipe, model: Reading) -> Part:
    section = NONE if made.relabel == NONE else judges.relabel(given, made, name)
    values = {"relabel": section, "overrides": judges.overrides(), "mined_as": mined_as(made)}
    if section == NONE:
        return values, []
    refuse_unscored(section, made, f"round {name}")
    used = used_judges(section)
    return values | (
        {"model": model, "teachers": judges.teachers(section.cascade)} if used else {}
    ), used


def of_train(given: Params, name: str, parent: str, made: Recipe, model: Reading) -> Part:
    values = {"train": with_precision(given, made.train, model), "model": model}
    values |= {"recipe": given.rounds[name].recipe, "paper": recipe.cited(made)}
    return values, used_methods("train", made.train.model_dump(mode="json"))


def with_precision(given: Params, section: Rank | Train, model: Reading) -> Rank | Train:
    """A section that trains, with its precision resolved: `auto` is the precision of encoding."""
    if section.precision == "auto":
        return section.model_copy(update={"precision": model["precision"]})
    return section.model_copy(
        update={"precision": precision_of(section.precision, device_of(given.machine.device))}
    )


def input_files(stage: str, section: dict | list | str) -> dict[str, str]:
    """The user's files that the stage's methods read, with their hashes. FILE_COLUMNS in a
    method's module lists their columns.
    """
    read = [
        (methods.find(place, line["method"]), line["parameters"].get("file"))
        for place, line in used_lines(stage, section)
    ]
    files = {Path(file): method.beside("FILE_COLUMNS") for method, file in read if file}
    for file, columns in files.items():
        if not file.is_file() or not file.resolve().is_relative_to(INPUTS.resolve()):
            available = sorted(str(path) for path in INPUTS.rglob("*") if path.is_file())
            raise Refused(
                f"a recipe reads {file}, which is not a file below {INPUTS}/, the folder that DVC "
                "tracks. Found there: "
                f"{', '.join(available) or 'nothing'}. Correct the path."
            )
        if columns:
            user_tables.need(file, columns)
    return {str(file): fingerprint_of_file(file) for file in files}
