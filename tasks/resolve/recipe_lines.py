"""The lines of a recipe: which methods its sections use, who scores, and what cannot work
together.
"""

from __future__ import annotations

from hone.config import methods
from hone.config.params import Params
from hone.config.recipe_schema import Recipe
from hone.config.source_name import source_name
from hone.data import rounds as lineage
from hone.encoders.encoder import Reading
from hone.encoders.model_folder import ModelFolder, folder_here
from hone.errors import Refused, nearest
from hone.judging.resolved_relabel import ResolvedRelabel
from tasks.resolve.recipe_models import PAIR, route_of

NO_SCORER = ""


def used_judges(section: ResolvedRelabel) -> list[tuple[str, str]]:
    """Place and name of every judge and every escalation rule."""
    return [
        used
        for line in section.cascade
        for used in (
            ("relabel.judges", line["method"]),
            ("relabel.escalate", line["escalate"]["method"]),
        )
    ]


def used_methods(stage: str, section: dict | list | str) -> list[tuple[str, str]]:
    """Place and name of every method that a section names."""
    return [(place, line["method"]) for place, line in used_lines(stage, section)]


def used_lines(stage: str, section: dict | list | str) -> list[tuple[str, dict]]:
    """Place and line of every method that a section names. Nested lines follow their parent."""
    if isinstance(section, list):
        lines = [(stage, line) for line in section]
    else:
        lines = [
            (f"{stage}.{part}", line)
            for part, value in (section.items() if isinstance(section, dict) else ())
            for line in (value if isinstance(value, list) else [value])
            if isinstance(line, dict) and "method" in line
        ]
    return [placed for where, line in lines for placed in methods.with_inner_lines(where, line)]


def expand_lines(stage: str, lines: list[dict]) -> list[dict]:
    """All lines of a stage. Nested lines follow their parent."""
    return [one for line in lines for _, one in methods.with_inner_lines(stage, line)]


def scorers(made: Recipe) -> dict[str, dict]:
    """The scorers of candidates and labelled positives: by name, the method and its parameters.

    The encoders of dense sources come first, because their vectors are cached, each as the source
    `dense` of its model. The recipe's own scorers follow. The round's starting model is added if a
    filter needs a dense source and there is none.

    Raises:
        Refused: two lines or two encoders have the same name, or a rule needs scores that the
            recipe does not compute.
    """
    compared = [
        line
        for line in expand_lines("retrieve", made.retrieve)
        if methods.find("retrieve", line["method"]).beside("COMPARES_QUERIES")
    ]
    dense: dict[str, dict] = {}
    for line in compared:
        item = {name: line["parameters"][name] for name in ("model", "revision")}
        name = source_name({"method": "dense", "parameters": item})
        if dense.setdefault(name, item) != item:
            both = f"{name_with_revision(dense[name])} and {name_with_revision(item)}"
            raise Refused(
                f"two encoders of the recipe have the same scorer name '{name}': {both}. Rename "
                "or remove one of them."
            )
    rules = [("sample.filters", line) for line in made.sample.filters] if made.retrieve else []
    rules += [("sample.choose", made.sample.choose)] if made.retrieve else []
    ruled = [
        line["parameters"].get(name, NO_SCORER)
        for _, line in rules
        for name in ("scorer", "to_positives")
    ]
    ruled += [
        line["parameters"][name] or NO_SCORER
        for place, line in rules
        for name in methods.find(place, line["method"]).beside("NAMES_SCORERS", ())
    ]
    if None in ruled and not dense:
        dense = {"dense": {"model": None, "revision": None}}
    named = {
        name: {
            "method": "encoder",
            "parameters": {"to": "query", "model": item["model"], "revision": item["revision"]},
        }
        for name, item in dense.items()
    }
    for line in made.score:
        name = scorer_name(line)
        if name in named:
            raise Refused(
                f"two lines of the recipe have the same scorer name '{name}'. Remove one of them."
            )
        named[name] = line
    for name in ruled:
        if name not in (None, NO_SCORER, *named):
            raise Refused(
                f"a rule needs the scores of '{name}', which no source or scorer of the recipe "
                f"computes; {nearest(name, named)}"
            )
    return named


def scorer_name(line: dict) -> str:
    """The name of a scorer's rows: `encoder:NAME`, or `encoder-to-positives:NAME`."""
    to = line["parameters"].get("to")
    return source_name(
        line | {"method": line["method"] if to in (None, "query") else f"{line['method']}-to-{to}"},
        "score",
    )


def refuse_unscored(section: ResolvedRelabel, made: Recipe, where: str) -> None:
    """Raise Refused if a judge needs scores that the recipe does not compute."""
    named = scorers(made)
    for line in section.cascade:
        if line["method"] == "scores" and (name := line["parameters"]["scorer"]) not in named:
            raise Refused(
                f"{where}: the judge {line['name']} needs the scores of '{name}', which the "
                f"recipe does not compute; {nearest(name, named)}"
            )


def refuse_no_ranker(given: Params, recipes: dict[str, Recipe]) -> None:
    """Raise Refused if a round scores with the in-loop cross-encoder, but neither it nor an
    earlier round trains one.
    """
    rounds = {name: {"from": item.start} for name, item in given.rounds.items()}
    for name, made in recipes.items():
        own = [
            line
            for line in made.score
            if route_of("score", line) == PAIR and not line["parameters"]["model"]
        ]
        trained = any(recipes[before].rank for before in lineage.made_by(rounds, name))
        if own and not trained:
            raise Refused(
                f"round {name}: the recipe '{given.rounds[name].recipe}' scores with the in-loop "
                "cross-encoder, but neither it "
                "nor an earlier round trains one. Add a section `rank` (`rank: {}`), or name a "
                "model: `cross-encoder: {model: "
                "inputs/NAME}`."
            )


def refuse_training_lengths(given: Params, recipes: dict[str, Recipe]) -> None:
    """Raise Refused if a round's training length exceeds that of the base model, if that model
    is on this machine.
    """
    lengths = {
        name: made.train.max_length for name, made in recipes.items() if made.train.max_length
    }
    folder = folder_here(given.model.name, given.model.revision) if lengths else None
    for name, length in lengths.items() if folder else ():
        try:
            Reading().length(ModelFolder(folder), length)
        except Refused as refusal:
            raise Refused(f"round {name}: {refusal}") from None


def name_with_revision(item: dict) -> str:
    """A model with its revision, for messages."""
    return f"{item['model']}@{item['revision']}" if item["revision"] else str(item["model"])
