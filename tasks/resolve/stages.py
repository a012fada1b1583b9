"""The settings of every stage, by the name of its file below resolved/."""

from __future__ import annotations

from pathlib import Path

from hone.compare import query_strata
from hone.config import code_fingerprint, methods, recipe
from hone.config.params import STAGES, Collection, Params
from hone.config.recipe import mined_as
from hone.config.recipe_schema import GUARDS, Recipe
from hone.config.source_name import source_name
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
from hone.layout import INPUTS
from tasks.resolve import reference_models
from tasks.resolve.recipe_models import (
    cross_encoders,
    ranker_start,
    refuse_no_ranker,
    refuse_training_lengths,
    refuse_unscored,
    scorers,
    section_of,
    teachers,
    used_judges,
    used_lines,
    used_methods,
)


def everything(given: Params) -> dict[str, dict]:
    """The settings of every stage, by the name of its file below resolved/."""
    recipes = {name: recipe.recipe_of(given, name) for name in given.rounds}
    refuse_no_ranker(given, recipes)
    refuse_training_lengths(given, recipes)
    model = reading(given)
    settings = {f"collect/{name}": collect(given, name) for name in given.collections}
    settings["start"] = {
        "model": pinned(given.model.name, given.model.revision),
        "train_on": list(given.train_on),
        "shares": given.shares,
        "min_relevance": {name: given.collections[name].min_relevance for name in given.train_on},
        "language": {name: given.collections[name].language for name in given.train_on},
        "own_id": {name: own_id_of(given.collections[name].source, given.collections[name].own_id) for name in given.train_on},
        **code_fingerprint.fingerprints(["tasks.start.__main__"]),
    }
    for name in given.evaluate_on:
        asked = {"collection": name, "min_relevance": given.collections[name].min_relevance, "seed": seed_of(given, name)}
        asked |= {"unlabelled": any(made.train.queries == "all" for made in recipes.values())}
        settings[f"leakage/{name}"] = asked | code_fingerprint.fingerprints(["tasks.leakage.__main__"])
    refuse_above = given.leakage.refuse_above
    settings["admit"] = {
        "refuse_above": refuse_above,
        "evaluate_on": given.evaluate_on,
        **code_fingerprint.fingerprints(["tasks.leakage.gate"]),
    }
    for name, item in given.rounds.items():
        for stage in STAGES:
            settings[f"rounds/{name}/{stage}"] = stage_of_round(given, name, item.start, recipes[name], stage, model)
    suites = diagnostic_suites.of_all(given)
    for name in given.evaluate_on:
        item = given.collections[name]
        evaluate = {"collection": name, "model": model, "min_relevance": item.min_relevance, "task": mteb_task_of(item)}
        evaluate |= {"ability": suites.get(name), "own_id": own_id_of(item.source, item.own_id)}
        settings[f"evaluate/{name}"] = evaluate | code_fingerprint.fingerprints(
            ["tasks.evaluate.__main__", *diagnostic_suites.modules(suites, name)]
        )
        for reference in given.compare_with:
            settings[f"reference/{reference}/{name}"] = (
                evaluate | {"language": item.language, "reference": reference_models.resolved(given, reference)}
                | code_fingerprint.fingerprints(["tasks.evaluate.reference", *diagnostic_suites.modules(suites, name)])
            )  # fmt: skip
    rounds = {name: {"from": item.start, "recipe": item.recipe} for name, item in given.rounds.items()}
    settings["open"] = {
        "loop": {"train_on": list(given.train_on), "model": settings["start"]["model"] | model, "seed": given.seed},
        "rounds": [made_of(settings, name, item) for name, item in rounds.items()],
        **code_fingerprint.fingerprints(["tasks.report.mlflow_loop"]),
    }
    places = {"r0": 0} | {name: place for place, name in enumerate(rounds, start=1)}
    for name in [*given.compare_with, *rounds]:
        settings[f"track/{name}"] = {
            "evaluate_on": given.evaluate_on,
            "made": made_of(settings, name, rounds[name]) if name in rounds else None,
            "place": places.get(name),
            "measures": [*NAMES, *diagnostic_suites.measures(suites)],
            **code_fingerprint.fingerprints(["tasks.report.mlflow_rounds"]),
        }
    settings["drift"] = {"rounds": rounds, "model": model, "seed": given.seed, **code_fingerprint.fingerprints(["tasks.drift.__main__"])}
    settings["report"] = {
        "rounds": rounds,
        "compare_with": given.compare_with,
        "evaluate_on": given.evaluate_on,
        "abilities": suites,
        "min_relevance": {name: given.collections[name].min_relevance for name in given.evaluate_on},
        "language": {name: given.collections[name].language for name in given.evaluate_on},
        "train_on": list(given.train_on),
        "refuse_above": refuse_above,
        "seed": given.seed,
        "recipes": {name: found.model_dump(mode="json") for name, found in recipes.items()},
        "evidence": {name: judges.evidence_of_last(settings[f"rounds/{name}/relabel"]["relabel"]) for name in rounds},
        "model": model | {"name": given.model.name, "revision": given.model.revision},
        "versions": {package: number for values in settings.values() for package, number in values["packages"].items()},
        **code_fingerprint.fingerprints(
            ["tasks.report.__main__", "tasks.report.page.render", *strata_modules(), *diagnostic_suites.modules(suites)]
        ),
    }
    return settings


def strata_modules() -> list[str]:
    """The methods that the report finds by name."""
    return [methods.find(query_strata.PLACE, name).module for name in query_strata.strata()]


def made_of(settings: dict[str, dict], name: str, item: dict[str, str]) -> dict:
    """What a round is made of: the round that it starts from, its recipe's name, and each stage's section."""
    sections = {stage: settings[f"rounds/{name}/{stage}"][stage] for stage in STAGES}
    return {"round": name, **item, **sections, "relabel": judges.told(sections["relabel"])}


def reading(given: Params) -> dict:
    """How texts are read in every round, with `auto` made plain."""
    precision = precision_of(given.model.precision, device_of(given.machine.device))
    return {"max_length": given.model.max_length, "prompts": given.model.prompts.model_dump(), "precision": precision}


def collect(given: Params, name: str) -> dict:
    """Settings of `collect` for one collection."""
    item = given.collections[name]
    source, _, what = item.source.partition(":")
    line = methods.checked("collect", {source: item.options}, f"params.yaml: collections.{name}")
    if check := methods.find("collect", source).beside("check"):
        check(what or None, line["parameters"])
    if what and Path(what).exists() and not Path(what).resolve().is_relative_to(Path(item.path).resolve()):
        raise Refused(
            f"params.yaml: collections.{name}: the source reads {what}, but `path` is {item.path}: DVC watches `path` "
            f"for changes, so it must be the same. Write `path: {what}`."
        )
    if not diagnostic_suites.made_from(given, name) and not what and not Path(item.path).exists():
        raise Refused(f"params.yaml: collections.{name}: `path` is {item.path}, which does not exist.")
    return {
        "collection": name,
        **line,
        "what": what or None,
        "path": item.path,
        "train": name in given.train_on,
        "evaluate": name in given.evaluate_on,
        "seed": seed_of(given, name),
        "own_id": own_id_of(item.source, item.own_id),
        **item.model_dump(
            include={
                "hide",
                "train_queries",
                "min_relevance",
                "absent_labels",
                "repeated_queries",
                "empty_documents",
                "split",
                "language",
            }
        ),
        **code_fingerprint.fingerprints(["tasks.collect.__main__", methods.find("collect", source).module]),
    }


def seed_of(given: Params, name: str) -> int:
    """The seed of what is drawn from a collection before any round."""
    own = given.collections[name].seed
    return given.seed if own is None else own


def mteb_task_of(item: Collection) -> dict | None:
    """Which of MTEB's tasks a collection is; null where it is none."""
    source, _, what = item.source.partition(":")
    if source != "mteb":
        return None
    options = methods.checked("collect", {source: item.options}, "")["parameters"]
    return {"name": what, **{name: options[name] for name in ("subset", "split", "instruction")}}


def stage_of_round(given: Params, name: str, start: str, made: Recipe, stage: str, model: dict) -> dict:
    """Settings of one stage of one round."""
    section = judges.relabel(given, made, name) if stage == "relabel" and made.relabel != "none" else section_of(made, stage)
    ranks = stage == "rank" and section is not None
    if stage == "train" or ranks:
        device = device_of(given.machine.device)
        section["precision"] = (
            model.get("precision", "auto") if section["precision"] == "auto" else precision_of(section["precision"], device)
        )
    if stage == "relabel" and isinstance(section, dict):
        refuse_unscored(section, made, f"round {name}")
    used = used_judges(section) if stage == "relabel" else used_methods(stage, section)
    guards = [line for line in made.sample.keep if line["method"] in GUARDS]
    if ranks:
        used += [("sample.filters", line["method"]) for line in guards]
    if stage == "score":
        used += [("score", line["method"]) for line in scorers(made).values()]
    rounds = {other: {"from": item.start} for other, item in given.rounds.items()}
    vectors = stage == "sample" and any("models" in methods.find(place, method).reads for place, method in used)
    return {
        "round": name,
        "from": start,
        "stage": stage,
        "seed": given.seed,
        "draws": lineage.draws_of(rounds, name),
        **({"before": lineage.made_by(rounds, start) if made.train.queries == "all" else []} if stage == "sample" else {}),
        **({"unlabelled": made.train.queries == "all"} if stage != "rank" else {}),
        **({"refreshed": judges.refreshed(given, made, name)} if stage != "train" else {}),
        stage: section if section else "none",
        **({"model": model} if stage in ("retrieve", "score", "train") or (stage == "relabel" and used) or vectors or ranks else {}),
        **({"teachers": teachers(made)} if stage in ("retrieve", "score") or vectors else {}),
        **({"scorers": scorers(made), "cross_encoders": cross_encoders(made)} if stage == "score" else {}),
        **({"sources": [source_name(line) for line in made.retrieve]} if stage == "sample" else {}),
        **({"start": ranker_start(made), "recipe": given.rounds[name].recipe, "guards": guards} if ranks else {}),
        **({"files": input_files(stage, section)} if stage in ("retrieve", "sample") else {}),
        **({"teachers": judges.teachers(section)} if stage == "relabel" and used else {}),
        **({"overrides": judges.overrides(), "mined_as": mined_as(made)} if stage == "relabel" else {}),
        **({"recipe": given.rounds[name].recipe, "paper": recipe.cited(made)} if stage == "train" else {}),
        **code_fingerprint.fingerprints([f"tasks.{stage}.__main__", *(methods.find(place, method).module for place, method in used)]),
    }


def input_files(stage: str, section: dict | list | str) -> dict[str, str]:
    """Files of the user that the stage's methods read, with their hashes; FILE_COLUMNS in a method's module says what columns they have."""
    read = [(methods.find(place, line["method"]), line["parameters"].get("file")) for place, line in used_lines(stage, section)]
    files = {Path(file): method.beside("FILE_COLUMNS") for method, file in read if file}
    for file, columns in files.items():
        if not file.is_file() or not file.resolve().is_relative_to(INPUTS.resolve()):
            there = sorted(str(path) for path in INPUTS.rglob("*") if path.is_file())
            raise Refused(
                f"a recipe reads {file}, which must be a file below {INPUTS}/ (DVC watches that folder for changes). "
                f"There: {', '.join(there) or 'nothing'}."
            )
        if columns:
            user_tables.need(file, columns)
    return {str(file): fingerprint_of_file(file) for file in files}
