"""resolve: params.yaml and all recipes -> what each stage will do, every default filled in, its code fingerprinted.

One process looks at everything before anything works: a misspelt word in the last round's recipe is found before the
first round trains. Stages depend on their own file below resolved/, so that a change runs again only what it touches.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hone.compare import query_strata
from hone.config import code_fingerprint, methods, params, recipe
from hone.config.params import STAGES, Collection, Params
from hone.config.recipe import mined_as
from hone.config.recipe_schema import GUARDS, Recipe
from hone.config.source_name import source_name
from hone.data import rounds as lineage
from hone.data import user_tables
from hone.data.own_id import own_id_of
from hone.encoders import round_cross_encoders
from hone.encoders.encoder import Reading
from hone.encoders.model_folder import ModelFolder, folder_here, pinned
from hone.encoders.pinned_models import INPUTS, made_exact
from hone.encoders.precision import device_of, precision_of
from hone.errors import Refused, nearest
from hone.files import fingerprint_of_file, folder_written_whole, write_json
from hone.ir import diagnostic_suites
from hone.ir.measures import NAMES
from hone.judging import settings as judges
from hone.layout import BASE, RESOLVED
from hone.stage import run, say
from tasks import ignored_code
from tasks.resolve import reference_models

NO_SCORER = ""


def main() -> None:
    """Check params.yaml and every recipe, and write the settings of every stage."""
    settings = everything(params.read())
    for sentence in params.renamed():
        say(f"resolve: {sentence}")
    with folder_written_whole(RESOLVED) as place:
        for name, values in settings.items():
            write_json(place / f"{name}.json", values)
    say(f"resolve: {len(settings)} stages")
    if left_out := ignored_code.advice():
        say(left_out)


def everything(given: Params) -> dict[str, dict]:
    """The settings of every stage, by the name of its file below resolved/."""
    recipes = {name: recipe.recipe_of(given, name) for name in given.rounds}
    refuse_no_ranker(given, recipes)
    refuse_training_lengths(given, recipes)
    model = reading(given)
    settings = {f"collect/{name}": collect(given, name) for name in given.collections}
    settings["base"] = {
        "model": pinned(given.model.name, given.model.revision),
        **code_fingerprint.fingerprints(["tasks.base.__main__"]),
    }
    settings["start"] = {
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
        "loop": {"train_on": list(given.train_on), "model": settings["base"]["model"] | model, "seed": given.seed},
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
    guards = [line for line in made.sample.filters if line["method"] in GUARDS]
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


def section_of(made: Recipe, stage: str) -> Any:
    """A stage's section of a recipe, as plain values."""
    return made.model_dump(mode="json")[stage]


def used_judges(section: dict | str) -> list[tuple[str, str]]:
    """Place and name of every judge and every rule of a cascade."""
    if not isinstance(section, dict):
        return []
    return [
        used
        for line in section["cascade"]
        for used in (("relabel.judges", line["method"]), ("relabel.escalate", line["escalate"]["method"]))
    ]


def used_methods(stage: str, section: dict | list | str) -> list[tuple[str, str]]:
    """Place and name of every method that a section names."""
    return [(place, line["method"]) for place, line in used_lines(stage, section)]


def used_lines(stage: str, section: dict | list | str) -> list[tuple[str, dict]]:
    """Place and line of every method that a section names, those that another holds after it."""
    if isinstance(section, list):
        lines = [(stage, line) for line in section]
    else:
        lines = [
            (f"{stage}.{part}", line)
            for part, value in (section.items() if isinstance(section, dict) else ())
            for line in (value if isinstance(value, list) else [value])
            if isinstance(line, dict) and "method" in line
        ]
    return [held for where, line in lines for held in methods.with_held(where, line)]


def asked(stage: str, lines: list[dict]) -> list[dict]:
    """All lines of a stage, those that another holds after it."""
    return [one for line in lines for _, one in methods.with_held(stage, line)]


def scorers(made: Recipe) -> dict[str, dict]:
    """Whose scores of candidates and known positives are wanted: by name, the method and its parameters.

    The encoders that compared queries with documents to retrieve come first, for their vectors are at hand, each as the source
    `dense` of its model; then the recipe's own lines, and the round's starting model where a filter wants a dense source
    and there is none.

    Raises:
        Refused: two lines or two encoders of the same name, or a rule that compares by what nobody scores.
    """
    compared = [line for line in asked("retrieve", made.retrieve) if methods.find("retrieve", line["method"]).beside("COMPARES_QUERIES")]
    dense: dict[str, dict] = {}
    for line in compared:
        item = {name: line["parameters"][name] for name in ("model", "revision")}
        name = source_name({"method": "dense", "parameters": item})
        if dense.setdefault(name, item) != item:
            raise Refused(
                f"two encoders of the recipe would score as '{name}': {told_model(dense[name])} and {told_model(item)}. Rename one of "
                "them, or leave it out."
            )
    rules = [*(("sample.filters", line) for line in made.sample.filters), ("sample.choose", made.sample.choose)] if made.retrieve else []
    ruled = [line["parameters"].get(name, NO_SCORER) for _, line in rules for name in ("scorer", "to_positives")]
    ruled += [
        line["parameters"][name] or NO_SCORER
        for place, line in rules
        for name in methods.find(place, line["method"]).beside("NAMES_SCORERS", ())
    ]
    if None in ruled and not dense:
        dense = {"dense": {"model": None, "revision": None}}
    named = {
        name: {"method": "encoder", "parameters": {"to": "query", "model": item["model"], "revision": item["revision"]}}
        for name, item in dense.items()
    }
    for line in made.score:
        name = scorer_name(line)
        if name in named:
            raise Refused(f"two lines of the recipe would score as '{name}': leave one of them out.")
        named[name] = line
    for name in ruled:
        if name not in (None, NO_SCORER, *named):
            raise Refused(f"a rule compares by '{name}', which no source or scorer of the recipe gives: {nearest(name, named)}")
    return named


def scorer_name(line: dict) -> str:
    """What a scorer's rows are marked with: `encoder:NAME`, or `encoder-to-positives:NAME`."""
    to = line["parameters"].get("to")
    return source_name(line | {"method": line["method"] if to in (None, "query") else f"{line['method']}-to-{to}"}, "score")


def refuse_unscored(section: dict, made: Recipe, where: str) -> None:
    """Raises Refused where a judge reads scores that nobody gives."""
    named = scorers(made)
    for line in section["cascade"]:
        if line["method"] == "scores" and (name := line["parameters"]["scorer"]) not in named:
            raise Refused(
                f"{where}: the judge {line['name']} reads what '{name}' scores, and the recipe has no such: {nearest(name, named)}"
            )


def teachers(made: Recipe) -> dict[str, dict]:
    """Every encoder that the recipe names beside the loop's own, made exact."""
    lines = [(place, line) for place, given in (("retrieve", made.retrieve), ("score", made.score)) for line in asked(place, given)]
    named: dict[str, str | None] = {}
    for name, revision in (pair for place, line in lines if not reads_pairs(place, line) for pair in named_in(line).items()):
        if name == BASE and revision is None:
            continue
        if named.setdefault(name, revision) != revision:
            one, other = (told_model({"model": name, "revision": each}) for each in (named[name], revision))
            raise Refused(f"the recipe names the model {one} in one line and {other} in another: name the same revision in both.")
    return made_exact(named)


def told_model(item: dict) -> str:
    """A model with its revision, for messages."""
    return f"{item['model']}@{item['revision']}" if item["revision"] else str(item["model"])


def named_in(line: dict) -> dict[str, str | None]:
    """The models that a line names, as it writes them, with their revisions: `model` with `revision`, or `encoders`."""
    given = line["parameters"]
    one = {given["model"]: given.get("revision")} if given.get("model") else {}
    return one | {name: None for name in given.get("encoders") or () if name}


def reads_pairs(place: str, line: dict) -> bool:
    """Whether a line's model is a cross-encoder."""
    return bool(methods.find(place, line["method"]).beside("CROSS_ENCODER", False))


def cross_encoders(made: Recipe) -> dict[str, dict]:
    """Every cross-encoder that the recipe names beside the loop's own, made exact."""
    lines = [line for line in made.score if reads_pairs("score", line)]
    return {name: round_cross_encoders.pinned(name, revision) for line in lines for name, revision in named_in(line).items()}


def refuse_no_ranker(given: Params, recipes: dict[str, Recipe]) -> None:
    """Raises Refused where a round scores by the loop's own cross-encoder, and neither it nor one before it trains one."""
    rounds = {name: {"from": item.start} for name, item in given.rounds.items()}
    for name, made in recipes.items():
        own = [line for line in made.score if reads_pairs("score", line) and not line["parameters"]["model"]]
        trained = any(recipes[before].rank for before in lineage.made_by(rounds, name))
        if own and not trained:
            raise Refused(
                f"round {name}: the recipe '{given.rounds[name].recipe}' scores by the loop's own cross-encoder, and neither it nor a "
                "round before it trains one. Give it a section `rank` (`rank: {}`), or name a model: `cross-encoder: {model: inputs/NAME}`."
            )


def refuse_training_lengths(given: Params, recipes: dict[str, Recipe]) -> None:
    """Raises Refused where a round would train on more tokens than the base model can tell apart, as far as it is on this machine."""
    lengths = {name: made.train.max_length for name, made in recipes.items() if made.train.max_length}
    folder = folder_here(given.model.name, given.model.revision) if lengths else None
    for name, length in lengths.items() if folder else ():
        try:
            Reading().length(ModelFolder(folder), length)
        except Refused as refusal:
            raise Refused(f"round {name}: {refusal}") from None


def ranker_start(made: Recipe) -> dict | None:
    """The model that the recipe's ranker starts from where there is none yet, made exact; null: the base encoder."""
    base = made.rank.base
    return made_exact({base: made.rank.revision})[base] if base else None


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


if __name__ == "__main__":
    run(main)
