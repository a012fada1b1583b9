"""A recipe: one YAML file that says what one round does. Read, joined with what params.yaml changes, every default filled in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks import methods
from tasks.errors import Refused, nearest
from tasks.files import fingerprint
from tasks.params import STAGES, Params, explained
from tasks.retrieve.source_name import source_name

FOLDER = Path("recipes")
GUARDS = ("labelled", "same-text", "near-duplicate", "same-parent")

Line = Any  # a method's name, or {name: {parameter: value}}
Then = Literal["keep", "drop", "drop-query", "weight", "mask", "promote"]


class Section(BaseModel):
    """One section of a recipe."""

    model_config = ConfigDict(extra="forbid")


class Window(Section):
    """Ranks that negatives are taken from, counted before the `keep` rules or after them (libraries differ)."""

    first: Annotated[int, Field(ge=1)] = 1
    last: Annotated[int, Field(ge=1)] | None = None
    counted: Literal["before", "after"] = "after"


class Sample(Section):
    """How negatives come from candidates."""

    keep: list[Line] = list(GUARDS)
    window: Window = Window()
    choose: Line = "top"
    on_shortage: Literal["widen", "random", "fewer", "drop-query"] = "widen"


class Judged(Section):
    """One line of a cascade: who judges, and by which rule pairs go on to the next judge."""

    # A name of params.yaml's `judges`, or a judge with its parameters; of a list the first that is there and can work.
    judge: Line
    send: Line = "found"
    optional: bool = False  # go on without it where it cannot work


class Band(Section):
    """What becomes of pairs from a probability on."""

    start: Annotated[float, Field(ge=0, le=1)] = Field(alias="from")
    then: Then


class Budget(Section):
    """What judging may cost in one round: a hard stop; null: no limit."""

    money: Annotated[float, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    pairs: Annotated[int, Field(ge=0)] | None = None
    minutes: Annotated[float, Field(ge=0)] | None = None


class Relabel(Section):
    """Who reads the negatives, and what becomes of the false ones."""

    cascade: Annotated[list[Judged], Field(min_length=1)]
    then: Then | Annotated[list[Band], Field(min_length=1)] = "drop"
    final: Literal["last", "all"] = "last"  # whose word counts: the last judge's, or only what all agree on
    depth: Annotated[int, Field(ge=1)] | None = None  # negatives of each query that are judged; null: all
    control: Annotated[float, Field(ge=0, le=1)] = 0.0
    most_hits: Annotated[int, Field(ge=1)] | None = None
    precision: Annotated[float, Field(gt=0, lt=1)] = 0.8  # the lower bound that `promote` needs
    force: bool = False  # promote without it
    grades: bool = False  # write the judges' grades into the labels
    budget: Budget = Budget()


class Train(Section):
    """How a model comes from labels."""

    init: Literal["base", "previous"] = "previous"
    losses: Annotated[list[Line], Field(min_length=1)] = ["infonce"]
    batch: Line = "random"
    negatives: Annotated[int, Field(ge=0)] = 1
    positives: Literal["one", "all"] = "one"
    epochs: Annotated[float, Field(gt=0)] = 1
    steps: Annotated[int, Field(ge=1)] | None = None
    learning_rate: Annotated[float, Field(ge=0)] = 2e-5
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = "linear"
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    checkpoint_steps: Annotated[int, Field(ge=1)] = 100
    dev_scores: bool = True  # in the model's card; for them the model reads the whole collections that it was trained on


class Recipe(Section):
    """What one round does; a section that is missing means `none`: the stage passes data on."""

    about: str
    paper: str | None = None
    # What the recipe is to its paper, and what it does otherwise (adapted) or lacks (partial); null where there is no paper.
    fidelity: Literal["faithful", "adapted", "partial"] | None = None
    differs: str | None = None
    retrieve: list[Line] = []
    rank: Literal["none"] = "none"
    score: list[Line] = []
    sample: Sample = Sample()
    relabel: Literal["none"] | Relabel = "none"
    train: Train = Train()


def names() -> list[str]:
    """The recipes there are."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def read(name: str, defaults: dict[str, Any] | None = None, changes: dict[str, Any] | None = None) -> Recipe:
    """A recipe with its defaults and a round's changes.

    Args:
        name: file name without ending.
        defaults: of the section `train`, from params.yaml; the recipe wins over them.
        changes: by section, from the round in params.yaml; they win over the recipe.

    Raises:
        Refused: no such recipe, or something in it cannot be meant.
    """
    file = FOLDER / f"{name}.yaml"
    if not file.exists():
        raise Refused(f"params.yaml names the recipe '{name}': {nearest(name, names())} (recipes are the files in {FOLDER}/)")
    return check(file, defaults, changes)


def recipe_of(given: Params, round: str) -> Recipe:
    """The recipe of a round of params.yaml, with its changes."""
    item = given.rounds[round]
    return read(item.recipe, given.train, item.changes)


def check(file: Path, defaults: dict[str, Any] | None = None, changes: dict[str, Any] | None = None) -> Recipe:
    """The recipe in a file; see `read`."""
    try:
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise Refused(f"{file} is not valid YAML: {error}") from error
    if not isinstance(given, dict):
        raise Refused(f"{file} is empty: a recipe has at least `about` and `train`.")
    where = f"{file}" + (" with the round's changes in params.yaml" if changes else "")
    given = merged({"train": defaults or {}}, given, changes or {})
    if isinstance(given.get("retrieve"), dict | str):
        given["retrieve"] = [given["retrieve"]]
    try:
        recipe = Recipe(**{name: value for name, value in given.items() if value != "none" or name not in ("retrieve", "score", "sample")})
    except ValidationError as error:
        raise Refused(f"{where}: {explained(error, Recipe)}") from None
    return with_methods(recipe, where)


def cited(recipe: Recipe) -> str | None:
    """Where a recipe comes from and what it does otherwise, as a model's card says it; null where there is no paper."""
    if recipe.paper is None or recipe.fidelity is None:
        return recipe.paper
    return f"{recipe.paper}; {recipe.fidelity}" + (f": {recipe.differs.rstrip('.')}" if recipe.differs else "")


def mined_as(recipe: Recipe) -> str:
    """A hash of what decides which candidates a round has, but for the model: what a judge was shown on one holds for its like."""
    sections = recipe.model_dump(mode="json", include={"retrieve", "score", "sample"})
    return fingerprint(json.dumps(sections, sort_keys=True, ensure_ascii=False))[:12]


def with_methods(recipe: Recipe, where: str) -> Recipe:
    """The recipe with every line replaced by `{"method", "parameters"}`, all of them checked."""
    sample, train = recipe.sample, recipe.train
    filled = recipe.model_copy(
        update={
            "retrieve": [methods.checked("retrieve", line, f"{where}: retrieve") for line in recipe.retrieve],
            "score": [methods.checked("score", line, f"{where}: score") for line in recipe.score],
            "sample": sample.model_copy(
                update={
                    "keep": [methods.checked("sample.keep", line, f"{where}: sample.keep") for line in sample.keep],
                    "choose": methods.checked("sample.choose", sample.choose, f"{where}: sample.choose"),
                }
            ),
            "relabel": recipe.relabel if recipe.relabel == "none" else with_senders(recipe.relabel, where),
            "train": train.model_copy(
                update={
                    "losses": [methods.checked("train.losses", line, f"{where}: train.losses") for line in train.losses],
                    "batch": methods.checked("train.batch", train.batch, f"{where}: train.batch"),
                }
            ),
        }
    )
    if filled.retrieve and "labelled" not in [line["method"] for line in filled.sample.keep]:
        raise Refused(f"{where}: sample.keep lacks `labelled`: known positives would become negatives. Put it first.")
    refuse_removed(filled, where)
    refuse_named_twice(filled, where)
    refuse_rules(filled, where)
    refuse_ungraded(filled, where)
    refuse_shares(filled, where)
    if sample.window.last and sample.window.last < sample.window.first:
        raise Refused(f"{where}: sample.window ends at rank {sample.window.last} before it begins at {sample.window.first}.")
    return filled


def refuse_removed(recipe: Recipe, where: str) -> None:
    """Raises Refused where a `keep` rule removes all that a source gives (its module names such rules in `REMOVED_BY`)."""
    kept = [line["method"] for line in recipe.sample.keep]
    for line in recipe.retrieve:
        for place, source in methods.with_held("retrieve", line):
            for rule, why in methods.find(place, source["method"]).beside("REMOVED_BY", {}).items():
                if rule in kept:
                    rest = ", ".join(name for name in kept if name != rule)
                    raise Refused(
                        f"{where}: the rule `{rule}` {why}, which is what the source `{source['method']}` gives. Leave it out of "
                        f"sample.keep (it is there by default): keep: [{rest}]"
                    )


def refuse_named_twice(recipe: Recipe, where: str) -> None:
    """Raises Refused where candidates of two sources could not be told apart."""
    names = [source_name(line) for line in recipe.retrieve]
    for name in names:
        if names.count(name) > 1:
            raise Refused(
                f"{where}: retrieve: two sources are '{name}' and differ at most in depth: the deeper one finds what the other finds. "
                "Leave one of them out."
            )


def refuse_rules(recipe: Recipe, where: str) -> None:
    """Raises Refused where a rule of `sample` says of its parameters that they cannot be meant, or has nothing to work on."""
    sample = recipe.sample
    for place, line in [*(("sample.keep", line) for line in sample.keep), ("sample.choose", sample.choose)]:
        method = methods.find(place, line["method"])
        if "trained" in method.reads and not recipe.retrieve:
            raise Refused(f"{where}: {place}: {method.name} works where negatives are mined: the recipe has no `retrieve`.")
        try:
            method.beside("check", lambda parameters: None)(line["parameters"])
        except Refused as refusal:
            raise Refused(f"{where}: {place}: {refusal}") from None


def refuse_shares(recipe: Recipe, where: str) -> None:
    """Raises Refused where a rule that chooses by sources names others than the recipe has."""
    line = recipe.sample.choose
    if recipe.retrieve and (fits := methods.find("sample.choose", line["method"]).beside("fits")):
        try:
            fits(line["parameters"], [source_name(source) for source in recipe.retrieve])
        except Refused as error:
            raise Refused(f"{where}: sample.choose: {error}") from None


def refuse_ungraded(recipe: Recipe, where: str) -> None:
    """Raises Refused where a loss learns from grades that no judge writes."""
    for line in recipe.train.losses:
        if methods.find("train.losses", line["method"]).beside("LEARNS_FROM_GRADES", False) and (
            recipe.relabel == "none" or not recipe.relabel.grades
        ):
            raise Refused(f"{where}: the loss {line['method']} learns from judges' grades: set `relabel.grades: true` and a cascade.")


def with_senders(relabel: Relabel, where: str) -> Relabel:
    """The section with every `send` checked; who the judges are is found in params.yaml, by `resolve`."""
    cascade = [
        line.model_copy(update={"send": methods.checked("relabel.send", line.send, f"{where}: relabel.cascade.{place}.send")})
        for place, line in enumerate(relabel.cascade, start=1)
    ]
    return relabel.model_copy(update={"cascade": cascade})


def merged(*layers: dict[str, Any]) -> dict[str, Any]:
    """Sections joined by name; of the same setting the last layer's holds."""
    total: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            old = total.get(name)
            total[name] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) and name in (*STAGES, "window") else value
    return total
