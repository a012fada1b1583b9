"""A recipe: a YAML file that defines one round. It is read, merged with the changes in
params.yaml, and completed with defaults.
"""

from __future__ import annotations

import copy
import difflib
import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from hone.config import methods, params, recipe_names
from hone.config.params import STAGES, Params, faults
from hone.config.recipe_schema import Recipe
from hone.config.sections.relabel import Relabel
from hone.config.source_lines import Layer, Places, loaded
from hone.config.source_name import source_name
from hone.errors import Refused, nearest
from hone.files import fingerprint
from hone.urls import refuse_secrets

FOLDER = recipe_names.FOLDER

PASSES = 4  # removing a setting may leave its section without a required one
NONE = (
    "retrieve",
    "rank",
    "score",
    "sample",
)  # sections that a recipe may set to `none`, the same as omitting them


def names() -> list[str]:
    """The names of all recipes."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def read(
    name: str,
    defaults: dict[str, Any] | None = None,
    changes: dict[str, Any] | None = None,
    round: str | None = None,
) -> Recipe:
    """A recipe with defaults and a round's changes.

    Args:
        name: file name without ending.
        defaults: the section `train` of params.yaml. The recipe overrides it.
        changes: by section, from the round in params.yaml. They override the recipe.
        round: its name, to locate errors in a change.

    Raises:
        Refused: the recipe does not exist, or contains an invalid value.
    """
    name = recipe_names.current(name)
    file = FOLDER / f"{name}.yaml"
    if name not in names():  # a name such as ../mine would leave the folder that DVC tracks
        raise Refused(
            f"params.yaml names the recipe '{name}', which does not exist; "
            f"{nearest(name, names())} (recipes are the files in {FOLDER}/)"
        )
    return check(file, defaults, changes, round)


def recipe_of(given: Params, round: str) -> Recipe:
    """The recipe of a round in params.yaml, with its changes."""
    item = given.rounds[round]
    return read(item.recipe, given.train, item.changes, round)


def check(
    file: Path,
    defaults: dict[str, Any] | None = None,
    changes: dict[str, Any] | None = None,
    round: str | None = None,
) -> Recipe:
    """The recipe in a file (see `read`). All errors are reported at once, one on each line, with
    file and line.
    """
    given, root = loaded(file)
    if given is None:
        raise Refused(
            f"{file} is empty. A recipe needs at least `about: what it does`, and usually "
            "`retrieve`, `sample` and `train`."
        )
    if not isinstance(given, dict):
        raise Refused(
            f"{file} is a {'list' if isinstance(given, list) else 'text'}. A recipe is a mapping "
            "of sections, such as `about: ...`."
        )
    places = Places(layers_of(file, root, defaults, changes, round))
    given = merged({"train": defaults or {}}, given, changes or {})
    refuse_secrets(given, str(file))
    sections = {
        str(name): value for name, value in given.items() if value != "none" or name not in NONE
    }
    try:
        recipe = Recipe(**listed_sources(sections))
    except ValidationError as error:
        wrong = faults(error, Recipe)
        for path, sentence in wrong:
            places.wrong(path, sentence)
        if rest := readable(sections, [path for path, _ in wrong], places):
            with_methods(rest, places)  # errors in their methods are reported in the same run
        places.refuse()
    return with_methods(recipe, places)


def listed_sources(sections: dict[str, Any]) -> dict[str, Any]:
    """The sections with a list of sources, for which a recipe may write a single source."""
    return (
        sections | {"retrieve": [sections["retrieve"]]}
        if isinstance(sections.get("retrieve"), dict | str)
        else sections
    )


def readable(
    sections: dict[str, Any], wrong: list[tuple[str | int, ...]], places: Places
) -> Recipe | None:
    """A recipe without its invalid settings, to check the others. Null if it cannot be read.

    A section with a misspelled name is read as the missing section that it resembles.
    """
    rest = copy.deepcopy(sections)
    for name in [
        path[0]
        for path in wrong
        if len(path) == 1 and path[0] in rest and path[0] not in Recipe.model_fields
    ]:
        meant = next(
            iter(difflib.get_close_matches(name, set(Recipe.model_fields) - set(rest), n=1)), None
        )
        if meant:
            rest[meant] = rest.pop(name)
            places.renamed[meant] = name
    for _ in range(PASSES):
        for path in wrong:
            remove(rest, path)
        try:
            return Recipe(**({"about": "..."} | listed_sources(rest)))
        except ValidationError as error:
            new = {path: sentence for path, sentence in faults(error, Recipe) if path not in wrong}
            for path, sentence in new.items():
                if (
                    path and path[0] in places.renamed
                ):  # its settings are checked for the first time
                    places.wrong(path, sentence)
            wrong = list(new)
    return None


def remove(sections: dict[str, Any], path: tuple[str | int, ...]) -> None:
    """Remove a setting at its path, if it exists. Lists are removed whole, because line numbers
    of other items would shift.
    """
    holder: Any = sections
    for depth, step in enumerate(path):
        if not isinstance(holder, dict) or step not in holder:
            return
        if depth == len(path) - 1 or not isinstance(holder[step], dict):
            del holder[step]
            return
        holder = holder[step]


def layers_of(
    file: Path,
    root: yaml.Node | None,
    defaults: dict | None,
    changes: dict | None,
    round: str | None,
) -> list[Layer]:
    """The files with the settings, highest priority first."""
    own = Layer(file, root)
    if not (defaults or changes) or not params.FILE.is_file():
        return [own]
    _, theirs = loaded(params.FILE)
    return [
        *([Layer(params.FILE, theirs, ("rounds", round))] if changes and round else []),
        own,
        Layer(params.FILE, theirs),
    ]


def cited(recipe: Recipe) -> str | None:
    """The source of a recipe and its differences, for a model card. Null without a paper."""
    if recipe.paper is None or recipe.fidelity is None:
        return recipe.paper
    return f"{recipe.paper}; {recipe.fidelity}" + (
        f": {recipe.differs.rstrip('.')}" if recipe.differs else ""
    )


def mined_as(recipe: Recipe) -> str:
    """A hash of everything that determines a round's candidates except the model. A judge's
    measurement on one round is valid for all rounds with this hash.

    Earlier measurements of a judge stay valid. `sample.filters` has its name in the first hashes,
    `keep`. A parameter that was added to a method later (`ADDED_LATER` in its module) is omitted if
    it has no effect.
    """
    ranker = set() if recipe.rank is None else {"rank"}
    sections = recipe.model_dump(mode="json", include={"retrieve", "score", "sample"} | ranker)
    sample = sections["sample"]
    sample["keep"] = [without_later("sample.filters", line) for line in sample.pop("filters")]
    sample["choose"] = without_later("sample.choose", sample["choose"])
    sections |= {
        place: [without_later(place, line) for line in sections[place]]
        for place in ("retrieve", "score")
    }
    return fingerprint(json.dumps(sections, sort_keys=True, ensure_ascii=False))[:12]


def without_later(place: str, line: dict[str, Any]) -> dict[str, Any]:
    """A checked line, and the lines that it contains, without later parameters at their old
    value.
    """
    method = methods.find(place, line["method"])
    later = method.beside("ADDED_LATER", {})
    parameters = {
        name: value
        for name, value in line["parameters"].items()
        if name not in later or value != later[name]
    }
    inner_lines = {
        name: [without_later(inner, one) for one in parameters[name]]
        for name, inner in method.holds.items()
        if name in parameters
    }
    return line | {"parameters": parameters | inner_lines}


def with_methods(recipe: Recipe, places: Places) -> Recipe:
    """The recipe with every line replaced by `{"method", "parameters"}`, all checked."""
    sample, train = recipe.sample, recipe.train
    filled = recipe.model_copy(
        update={
            "retrieve": [
                places.checked("retrieve", line, "retrieve", row)
                for row, line in enumerate(recipe.retrieve)
            ],
            "score": [
                places.checked("score", line, "score", row) for row, line in enumerate(recipe.score)
            ],
            "sample": sample.model_copy(
                update={
                    "filters": [
                        places.checked("sample.filters", line, "sample", "filters", row)
                        for row, line in enumerate(sample.filters)
                    ],
                    "choose": places.checked("sample.choose", sample.choose, "sample", "choose"),
                }
            ),
            "relabel": recipe.relabel
            if recipe.relabel == "none"
            else with_senders(recipe.relabel, places),
            "train": train.model_copy(
                update={
                    "losses": [
                        places.checked("train.losses", line, "train", "losses", row)
                        for row, line in enumerate(train.losses)
                    ],
                    "batch": places.checked("train.batch", train.batch, "train", "batch"),
                }
            ),
        }
    )
    places.refuse()
    if filled.retrieve and "labelled" not in [line["method"] for line in filled.sample.filters]:
        places.wrong(
            ("sample", "filters"),
            "sample.filters lacks `labelled`, so labelled positives would become negatives. Put "
            "it first.",
        )
    if "n" not in filled.sample.choose["parameters"]:
        name = filled.sample.choose["method"]
        places.wrong(
            ("sample", "choose"),
            f"sample.choose: {name} has no parameter `n`, the number of negatives per query. Add "
            "it.",
        )
    for refuse in (refuse_removed, refuse_named_twice, refuse_rules, refuse_shares):
        places.collect_refusal(refuse, filled)
    if filled.rank and not filled.retrieve:
        places.wrong(
            ("rank",),
            "`rank` learns from candidates, but the recipe retrieves none. Add a section "
            "`retrieve`.",
        )
    for name, window in (
        ("sample", sample.window),
        ("rank", filled.rank.window if filled.rank else None),
    ):
        if window and window.last and window.last < window.first:
            places.wrong(
                (name, "window"),
                f"{name}.window ends at rank {window.last} before it begins at {window.first}. "
                "Swap them.",
            )
    for path in filled.constants:
        if path not in (known := set(constants(filled))):
            places.wrong(
                ("constants", path),
                f"constants names '{path}', which is not in the recipe; {nearest(path, known)}",
            )
    note_too_few(filled, places)
    note_ungraded(filled, places)
    note_needs_positives(filled, places)
    note_unjudged(filled, places)
    places.refuse()
    return filled


def constants(recipe: Recipe) -> dict[str, Any]:
    """Every setting of a checked recipe by its path: `retrieve.dense.depth`, `sample.window.last`,
    `train.negatives`.

    The path of a method's settings begins with the method's place, also in a cascade:
    `relabel.escalate.most.pairs`. Lines of one method share their paths.
    """
    found: dict[str, Any] = {}
    for stage in STAGES:
        section = getattr(recipe, stage)
        if isinstance(section, list):
            found |= of_lines(stage, section)
        elif isinstance(section, BaseModel):
            for name in type(section).model_fields:
                value = getattr(section, name)
                if name == "cascade":
                    found |= of_lines("relabel.escalate", [line.escalate for line in value])
                elif lines := [
                    one
                    for one in (value if isinstance(value, list) else [value])
                    if isinstance(one, dict) and "method" in one
                ]:
                    found |= of_lines(f"{stage}.{name}", lines)
                elif isinstance(value, BaseModel):
                    found |= {
                        f"{stage}.{name}.{inner}": getattr(value, inner)
                        for inner in type(value).model_fields
                    }
                else:
                    found[f"{stage}.{name}"] = value
    return found


def of_lines(place: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The parameters of checked lines, and of the lines inside them, by
    `place.method.parameter`.
    """
    every = [placed for line in lines for placed in methods.with_inner_lines(place, line)]
    return {
        f"{where}.{line['method']}.{name}": value
        for where, line in every
        for name, value in line["parameters"].items()
    }


def refuse_removed(recipe: Recipe, where: str) -> None:
    """Raise Refused if a filter removes all candidates of a source. The source's module lists such
    filters in `REMOVED_BY`, or by its parameters in `removed_by`.
    """
    filters = [line["method"] for line in recipe.sample.filters]
    for line in recipe.retrieve:
        for place, source in methods.with_inner_lines("retrieve", line):
            method = methods.find(place, source["method"])
            by_parameters = method.beside("removed_by", lambda parameters: {})(source["parameters"])
            for rule, why in (method.beside("REMOVED_BY", {}) | by_parameters).items():
                if rule in filters:
                    rest = ", ".join(name for name in filters if name != rule)
                    raise Refused(
                        f"{where}: the filter `{rule}` {why}, which is what the source "
                        f"`{source['method']}` returns. Remove it "
                        f"from sample.filters (it is a default): filters: [{rest}]"
                    )


def refuse_named_twice(recipe: Recipe, where: str) -> None:
    """Raise Refused if candidates of two sources have the same name, side by side or inside one
    line.
    """
    refuse_alike(recipe.retrieve, f"{where}: retrieve")
    for line in recipe.retrieve:
        for parameter in methods.find("retrieve", line["method"]).holds:
            refuse_alike(
                line["parameters"][parameter], f"{where}: retrieve: {line['method']}.{parameter}"
            )


def refuse_alike(lines: list[dict[str, Any]], where: str) -> None:
    """Raise Refused for the first two lines with the same name."""
    first: dict[str, dict[str, Any]] = {}
    for line in lines:
        name = source_name(line)
        if name not in first:
            first[name] = line
            continue
        for detail in ("model", "file", "revision"):
            one, other = (each["parameters"].get(detail) for each in (first[name], line))
            if one != other:
                raise Refused(
                    f"{where}: two sources have the name '{name}', which is the {detail} {one} in "
                    f"one and {other} in the other. "
                    "Rename or remove one of them."
                )
        raise Refused(
            f"{where}: two sources have the name '{name}' and differ at most in depth, so the "
            "deeper one finds all results of the "
            "other. Remove one of them."
        )


def refuse_rules(recipe: Recipe, where: str) -> None:
    """Raise Refused if a rule of `sample` has no candidates to work on."""
    sample = recipe.sample
    for place, line in [
        *(("sample.filters", line) for line in sample.filters),
        ("sample.choose", sample.choose),
    ]:
        method = methods.find(place, line["method"])
        if "trained" in method.reads and not recipe.retrieve:
            raise Refused(
                f"{where}: {place}: {method.name} needs mined negatives, but the recipe has no "
                "`retrieve`. Add this section."
            )


def refuse_shares(recipe: Recipe, where: str) -> None:
    """Raise Refused if a sampler that works by source names sources that the recipe lacks."""
    line = recipe.sample.choose
    if recipe.retrieve and (fits := methods.find("sample.choose", line["method"]).beside("fits")):
        try:
            fits(line["parameters"], [source_name(source) for source in recipe.retrieve])
        except Refused as error:
            raise Refused(f"{where}: sample.choose: {error}") from None


def note_too_few(recipe: Recipe, places: Places) -> None:
    """Report requests for more negatives than the window or training can have."""
    n, window = recipe.sample.choose["parameters"].get("n"), recipe.sample.window
    if not recipe.retrieve or n is None:
        return
    ranks = n if window.last is None else window.last - window.first + 1
    if 0 < ranks < n and recipe.sample.on_shortage != "random":
        places.wrong(
            ("sample", "window"),
            f"sample.window has {ranks} ranks, {window.first} to {window.last}, but sample.choose "
            f"needs {n}. Lower n, or raise "
            "the end of the window. (With `on_shortage: random`, random documents may fill the "
            "gap.)",
        )
    if recipe.train.negatives > n:
        places.wrong(
            ("train", "negatives"),
            f"train.negatives is {recipe.train.negatives}, but sample.choose selects only {n} for "
            "each query. Raise its n, or "
            "lower train.negatives.",
        )


def note_ungraded(recipe: Recipe, places: Places) -> None:
    """Report a loss that needs grades if no judge writes them."""
    for row, line in enumerate(recipe.train.losses):
        if methods.find("train.losses", line["method"]).beside("LEARNS_FROM_GRADES", False) and (
            recipe.relabel == "none" or not recipe.relabel.grades
        ):
            places.wrong(
                ("train", "losses", row, line["method"]),
                f"train.losses: the loss {line['method']} learns from judges' grades. Set "
                "`relabel.grades: true` and add a cascade.",
            )


def note_unjudged(recipe: Recipe, places: Places) -> None:
    """Report pseudo-labels without a judge that could promote a document."""
    if recipe.train.queries == "judged" and (
        recipe.relabel == "none"
        or "promote" not in json.dumps(recipe.relabel.model_dump()["action"])
    ):
        places.wrong(
            ("train", "queries"),
            "train.queries is `judged`, but no judge promotes a document. Add a section `relabel` "
            "with `action: promote`.",
        )


def note_needs_positives(recipe: Recipe, places: Places) -> None:
    """Report a loss that needs labelled positives if queries without one are trained on."""
    for row, line in enumerate(recipe.train.losses if recipe.train.queries == "all" else []):
        if not methods.find("train.losses", line["method"]).beside("NEEDS_NO_POSITIVE", False):
            places.wrong(
                ("train", "losses", row, line["method"]),
                f"train.losses: the loss {line['method']} needs a labelled positive for each "
                "query, but `train.queries: all` "
                "includes queries without one. Remove one of the two.",
            )


def with_senders(relabel: Relabel, places: Places) -> Relabel:
    """The section with every `escalate` checked. `resolve` finds the judges in params.yaml."""
    cascade = [
        line.model_copy(
            update={
                "escalate": places.checked(
                    "relabel.escalate", line.escalate, "relabel", "cascade", row, "escalate"
                )
            }
        )
        for row, line in enumerate(relabel.cascade)
    ]
    return relabel.model_copy(update={"cascade": cascade})


def merged(*layers: dict[str, Any]) -> dict[str, Any]:
    """Merge sections by name. The last layer wins for each setting."""
    total: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            old = total.get(name)
            total[name] = (
                merged(old, value)
                if isinstance(old, dict) and isinstance(value, dict) and name in (*STAGES, "window")
                else value
            )
    return total
