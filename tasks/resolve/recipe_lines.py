"""The lines of a recipe: which methods its sections use, who scores, and what cannot work together."""

from __future__ import annotations

from hone.config import methods
from hone.config.params import Params
from hone.config.recipe_schema import Recipe
from hone.config.source_name import source_name
from hone.data import rounds as lineage
from hone.encoders.encoder import Reading
from hone.encoders.model_folder import ModelFolder, folder_here
from hone.errors import Refused, nearest
from hone.judging.settings import ResolvedRelabel
from tasks.resolve.recipe_models import PAIR, route_of

NO_SCORER = ""


def used_judges(section: ResolvedRelabel) -> list[tuple[str, str]]:
    """Place and name of every judge and every rule of a cascade."""
    return [
        used for line in section.cascade for used in (("relabel.judges", line["method"]), ("relabel.escalate", line["escalate"]["method"]))
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
    """The scorers of candidates and labelled positives: by name, the method and its parameters.

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
            both = f"{name_with_revision(dense[name])} and {name_with_revision(item)}"
            raise Refused(f"two encoders of the recipe would score as '{name}': {both}. Rename one of them, or leave it out.")
    rules = []
    if made.retrieve:
        chosen = [*(("sample.filters", line) for line in made.sample.filters), ("sample.choose", made.sample.choose)]
    rules = chosen if made.retrieve else []
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


def refuse_unscored(section: ResolvedRelabel, made: Recipe, where: str) -> None:
    """Raises Refused where a judge reads scores that nobody gives."""
    named = scorers(made)
    for line in section.cascade:
        if line["method"] == "scores" and (name := line["parameters"]["scorer"]) not in named:
            raise Refused(
                f"{where}: the judge {line['name']} reads what '{name}' scores, and the recipe has no such: {nearest(name, named)}"
            )


def refuse_no_ranker(given: Params, recipes: dict[str, Recipe]) -> None:
    """Raises Refused where a round scores by the loop's own cross-encoder, and neither it nor one before it trains one."""
    rounds = {name: {"from": item.start} for name, item in given.rounds.items()}
    for name, made in recipes.items():
        own = [line for line in made.score if route_of("score", line) == PAIR and not line["parameters"]["model"]]
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


def name_with_revision(item: dict) -> str:
    """A model with its revision, for messages."""
    return f"{item['model']}@{item['revision']}" if item["revision"] else str(item["model"])
