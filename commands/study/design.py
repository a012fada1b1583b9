"""What a study asks: its arms and the contrasts between them, named before anything runs. A file in studies/, or words of a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from hone.config import recipe, recipe_names
from hone.config.params import NAME, STAGES, explained
from hone.config.source_lines import loaded
from hone.config.yaml12 import from_yaml
from hone.errors import Refused, nearest
from hone.files import fingerprint

FOLDER = Path("studies")
# What a mined negative has to beat: training without any, and random documents. A contrast is with the first that is among the arms.
BASELINES = ("in-batch", "random")
CONTROLS = (*BASELINES, "bm25", "top-k", "teacher-distil")  # in the order in which they are shown; none is the strongest everywhere
MOST_CONTRASTS = 6
SEEDS = 5
FIXED = ("steps", "epochs")  # of training: the study's own
LONGEST = 60  # characters of a study's name that come from its recipes
NAMED = 6  # recipes that a study's question names


class Part(BaseModel):
    """A part of a study's file: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Arm(Part):
    """A recipe, and what of it this arm changes, by section, as a round of params.yaml may."""

    model_config = ConfigDict(extra="allow", frozen=True)
    recipe: Annotated[str, AfterValidator(recipe_names.current)]

    @property
    def changes(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Question(Part):
    """All that is settled before a study runs.

    Attributes:
        question: in one sentence.
        source: where the question comes from.
        expected: what papers say, if anything.
        arms: by name.
        contrasts: pairs of arms, (one, other): other - one is tested.
        rounds: of each arm.
        seeds: how many; each draws batches and negatives anew, on the same queries and labels.
        first_seed: their first; others than those that settings were chosen by are fresh.
        first: the recipe of a round that all arms begin with, the same for all; null: none.
        steps: of training a round; null: one epoch of the training queries.
        split: whose queries are measured.
        train: changes of params.yaml's `train`.
        tune: settings, each some changes of `train`: every arm is tried with each of them on dev queries, with the first seed, and
            takes the best; the others are fresh then.
        collection: that is looked at; null: all of `evaluate_on`.
    """

    question: str
    source: str | None = None
    expected: str | None = None
    arms: Annotated[dict[str, Arm], Field(min_length=1)]
    contrasts: list[tuple[str, str]] = []
    rounds: Annotated[int, Field(ge=1)] = 1
    seeds: Annotated[int, Field(ge=1)] = SEEDS
    first_seed: Annotated[int, Field(ge=1)] = 1
    first: Annotated[str, AfterValidator(recipe_names.current)] | None = None
    steps: Annotated[int, Field(ge=1)] | None = None
    split: Literal["test", "dev"] = "test"
    train: dict[str, Any] = {}
    tune: list[Annotated[dict[str, Any], Field(min_length=1)]] = []
    collection: str | None = None

    @property
    def all_seeds(self) -> range:
        first = self.first_seed + bool(self.tune)
        return range(first, first + self.seeds)


def asked(what: list[str], changes: dict[str, Any]) -> tuple[str, Question]:
    """A study's name and what it asks.

    Args:
        what: names of recipes, or one file.
        changes: rounds, seeds and so on as the command has them; null where it says nothing.

    Raises:
        Refused: there is no such file or recipe, or it cannot be meant.
    """
    if len(what) == 1 and what[0].endswith((".yaml", ".yml")):
        file = Path(what[0])
        name, given = file.stem, written(file)
        where = str(file)
    else:
        given = {"question": f"What do {few(what)} do here?", "arms": {name: {"recipe": name} for name in what}}
        name, where = of_recipes(what), "hone study"
        if len(set(what)) < len(what):
            raise Refused(f"hone study names a recipe twice: {', '.join(what)}")
    given |= {key: value for key, value in changes.items() if value is not None}
    try:
        question = Question(**given)
    except ValidationError as error:
        raise Refused(f"{where}: {explained(error, Question)}") from None
    if not question.contrasts:
        question = question.model_copy(update={"contrasts": contrasts_of(question.arms)})
    refuse(question, where)
    return folder_name(name, question), question


def few(recipes: list[str]) -> str:
    """Recipes in words, the first of many."""
    shown = recipes if len(recipes) <= NAMED else recipes[: NAMED - 1]
    return ", ".join(shown) + (f" and {len(recipes) - len(shown)} more recipes" if len(shown) < len(recipes) else "")


def of_recipes(recipes: list[str]) -> str:
    """What a study of recipes is called: by all of them, or by the first and a hash that tells it from others that begin alike."""
    name = "-".join(recipes)
    if len(name) <= LONGEST:
        return name
    shown = [recipe for place, recipe in enumerate(recipes) if len("-".join(recipes[: place + 1])) <= LONGEST // 2]
    return "-".join([*shown, "and", str(len(recipes) - len(shown)), "more", fingerprint(*recipes)[:4]])


def settings(words: list[str]) -> list[dict[str, Any]]:
    """What each arm is tried with, from words in YAML: {learning_rate: 2.0e-5}.

    Raises:
        Refused: one of them is no setting.
    """
    made = []
    for text in words:
        try:
            setting = from_yaml(text)
        except yaml.YAMLError:
            setting = None
        if not isinstance(setting, dict) or not setting:
            raise Refused(f"--tune {text!r} is no setting of training: write one as '{{learning_rate: 2.0e-5}}', once for each.")
        made.append(setting)
    return made


def folder_name(name: str, question: Question) -> str:
    """What a study is called: another split, number of rounds, first seed or tuning is another study, and no new result of it."""
    parts = [
        name,
        *([f"{question.rounds}-rounds"] if question.rounds > 1 else []),
        *([f"seeds-from-{question.first_seed}"] if question.first_seed > 1 else []),
        *([question.split] if question.split != "test" else []),
        *([f"tuned-{fingerprint(json.dumps(question.tune, sort_keys=True))[:4]}"] if question.tune else []),
    ]
    return "-".join(parts)


def written(file: Path) -> dict[str, Any]:
    """The contents of a study's file."""
    if not file.is_file():
        there = sorted(str(path) for path in FOLDER.glob("*.yaml"))
        raise Refused(f"{file} does not exist: {nearest(str(file), there)}")
    given, _ = loaded(file)
    if not isinstance(given, dict):
        raise Refused(f"{file} is empty: a study has a `question`, `arms` and `contrasts`.")
    if odd := [key for key in given if not isinstance(key, str)]:
        raise Refused(
            f"{file}: a name there is read as {odd[0]!r} and not as a word (YAML takes on, off, yes and no so): its names are "
            f"{', '.join(Question.model_fields)}."
        )
    return given


def controls_of(arms: dict[str, Arm]) -> list[str]:
    """The arms that are a control, whatever they are called: its recipe as it stands. Baselines first."""
    return [name for recipe in CONTROLS for name, arm in arms.items() if arm.recipe == recipe and not arm.changes]


def contrasts_of(arms: dict[str, Arm]) -> list[tuple[str, str]]:
    """Each arm that is no control against a baseline: `in-batch`, else `random`, else the first other control; so are controls alone.

    Without any control each arm is compared with the first.
    """
    controls = controls_of(arms)
    others = [name for name in arms if name not in controls]
    against = controls[0] if controls else next(iter(arms))
    return [(against, name) for name in arms if name != against and (name in others or not others)]


def refuse(question: Question, where: str) -> None:
    """Raises Refused where names are not those of arms or recipes, or more is contrasted than is decent."""
    if len(question.contrasts) > MOST_CONTRASTS:
        raise Refused(
            f"{where}: {len(question.contrasts)} contrasts; {MOST_CONTRASTS} are the most that are tested at once, named before the run. "
            "Name those that answer the question: --contrast ONE:OTHER, as often as needed (other arms are shown without a test)."
        )
    for pair in question.contrasts:
        for name in pair:
            if name not in question.arms:
                raise Refused(f"{where}: the contrast {':'.join(pair)} names the arm '{name}': {nearest(name, question.arms)}")
        if pair[0] == pair[1]:
            raise Refused(f"{where}: the contrast {':'.join(pair)} holds an arm against itself.")
    if len(set(question.contrasts)) < len(question.contrasts):
        raise Refused(f"{where} names a contrast twice.")
    if len(question.tune) == 1:
        raise Refused(f"{where}: `tune` has one setting, and there is nothing to choose: name two or more, or put it into `train`.")
    if question.tune and question.split == "dev":
        raise Refused(f"{where}: `tune` chooses by dev queries, and dev queries cannot say how good the choice is: use test.")
    for setting in question.tune:
        if question.tune.count(setting) > 1:
            raise Refused(f"{where}: `tune` has {setting} twice.")
        if fixed := [key for key in FIXED if key in setting]:
            raise Refused(f"{where}: `tune` has {fixed[0]}: all arms of a study have as many updates, which `steps` sets for all.")
    for name, arm in question.arms.items():
        if not NAME.fullmatch(name) or ".." in name or name.endswith((".", ".lock")):
            raise Refused(f"{where}: the arm '{name}' needs a name of letters, digits, '_' and '-': it names the trial's file.")
        if fixed := [key for key in FIXED if key in (arm.changes.get("train") or {})]:
            raise Refused(
                f"{where}: the arm {name} sets train.{fixed[0]}: all arms of a study have as many updates. `steps` of the study (--steps) "
                "sets them for all; a recipe's own `epochs` count where it says nothing."
            )
        if both := sorted({key for setting in question.tune for key in setting} & set(arm.changes.get("train") or {})):
            raise Refused(f"{where}: the arm {name} sets train.{both[0]}, and so does `tune`, which would take its place: leave one out.")
        for section in arm.changes:
            if section not in STAGES:
                raise Refused(f"{where}: the arm {name} has '{section}', which is no section of a recipe: {nearest(section, STAGES)}")
    for name in [*(arm.recipe for arm in question.arms.values()), *([question.first] if question.first else [])]:
        if name not in recipe.names():
            raise Refused(f"{where} names the recipe '{name}': {nearest(name, recipe.names())} (recipes are the files in {recipe.FOLDER}/)")
