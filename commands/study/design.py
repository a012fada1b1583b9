"""The question of a study: its arms, and the contrasts named before it runs. It comes from
studies/ or the command line.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from commands.study import command_arm
from hone.config import recipe, recipe_names
from hone.config.params import NAME, STAGES, Generation, Hide, Model, explained
from hone.config.source_lines import loaded
from hone.config.yaml12 import from_yaml
from hone.errors import Refused, nearest
from hone.files import fingerprint

FOLDER = Path("studies")
# The baselines: training without mined negatives, and random documents. Contrasts use the first
# that is an arm.
BASELINES = ("in-batch", "random")
CONTROLS = (
    *BASELINES,
    "bm25",
    "top-k",
    "teacher-distil",
)  # in display order; which one is strongest depends on the collection
MOST_CONTRASTS = 6
SEEDS = 5
FIXED = ("steps", "epochs")  # of training: set by the study for all arms
Factor = Literal["model", "max_length", "train_queries", "hide", "generate", "steps"]
OTHER_BASE = {"model", "max_length"}  # factors with which each arm has a base model of its own
LONGEST = 60  # characters of a study's name that come from its recipes
NAMED = 6  # recipes that a study's question names


def as_list(given: Any) -> Any:
    """A single name as a list."""
    return [given] if isinstance(given, str) else given


class Part(BaseModel):
    """A part of a study's file. Unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Arm(Part):
    """A recipe with this arm's changes to its sections, or a command that trains a model.

    Attributes:
        recipe: the name of a recipe. Its sections may follow, as in a round of params.yaml.
        command: a command that writes a model folder, in place of a recipe; see
            `commands.study.command_arm`.
        model: the base model of this arm, as `model` of params.yaml or only its name.
        max_length: tokens of a text of this arm, in place of `model.max_length`.
        train_queries: number of training queries of this arm, for every training collection.
        hide: the held-out positives of this arm, for every training collection.
        generate: the generated queries of this arm, for every training collection.
        steps: training steps of a round of this arm.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    recipe: Annotated[str, AfterValidator(recipe_names.current)] | None = None
    command: Annotated[str, AfterValidator(command_arm.checked)] | None = None
    model: str | Model | None = None
    max_length: Annotated[int, Field(ge=8)] | None = None
    train_queries: Annotated[int, Field(ge=0)] | None = None
    hide: Hide | None = None
    generate: str | Generation | None = None
    steps: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def recipe_or_command(self) -> Arm:
        if (self.recipe is None) == (self.command is None):
            raise ValueError("an arm needs either a `recipe` or a `command`")
        if self.command is not None and self.changes:
            raise ValueError(
                f"`{next(iter(self.changes))}` changes a recipe, but this arm is a command"
            )
        return self

    @property
    def changes(self) -> dict[str, Any]:
        """Changes to sections of the recipe."""
        return dict(self.model_extra or {})

    @property
    def factors(self) -> dict[str, Any]:
        """The arm's own settings of params.yaml and of the study, by name."""
        names = [name for name in get_args(Factor) if name in self.model_fields_set]
        return {name: getattr(self, name) for name in names}


class Question(Part):
    """Everything that is fixed before a study runs.

    Attributes:
        question: the question in one sentence.
        source: the source of the question.
        expected: results in the literature, if any.
        arms: the arms by name.
        factor: the settings beside recipe sections in which arms may differ: `model`,
            `max_length`, `train_queries`, `hide`, `generate`, `steps`. The evaluated queries and
            documents are the same in all arms.
        contrasts: pairs of arms, (one, other): other - one is tested.
        rounds: number of rounds of each arm.
        seeds: number of seeds. Each changes batches and negatives, with the same queries and
            labels.
        first_seed: the first seed. Use unseen seeds if earlier ones were used for tuning.
        first: the recipe of a first round that all arms share; null: none.
        steps: training steps of a round; null: enough for the largest `epochs` of any recipe.
        split: the split that is measured.
        train: changes to `train` of params.yaml.
        tune: training settings, each a set of changes to `train`. Every arm is tried with each on
            dev queries, with the first seed, and keeps the best. The study then uses the seeds
            after it.
        collection: the only collection of the study; null: all of `evaluate_on`.
    """

    question: str
    source: str | None = None
    expected: str | None = None
    arms: Annotated[dict[str, Arm], Field(min_length=1)]
    factor: Annotated[list[Factor], BeforeValidator(as_list)] = []
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


def parse_question(what: list[str], changes: dict[str, Any]) -> tuple[str, Question]:
    """The name and the question of a study.

    Args:
        what: names of recipes, or one study file.
        changes: rounds, seeds and so on from the command line; null if not given.

    Raises:
        Refused: there is no such file or recipe, or it is not valid.
    """
    if len(what) == 1 and what[0].endswith((".yaml", ".yml")):
        file = Path(what[0])
        name, given = file.stem, written(file)
        where = str(file)
    else:
        given = {
            "question": f"What do {few(what)} do here?",
            "arms": {name: {"recipe": name} for name in what},
        }
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
    """The names of recipes in one sentence part, shortened if there are many."""
    first_names = recipes if len(recipes) <= NAMED else recipes[: NAMED - 1]
    return ", ".join(first_names) + (
        f" and {len(recipes) - len(first_names)} more recipes"
        if len(first_names) < len(recipes)
        else ""
    )


def of_recipes(recipes: list[str]) -> str:
    """The name of a study of recipes: all their names, or the first ones and a hash that makes
    it unique.
    """
    name = "-".join(recipes)
    if len(name) <= LONGEST:
        return name
    first_names = [
        recipe
        for place, recipe in enumerate(recipes)
        if len("-".join(recipes[: place + 1])) <= LONGEST // 2
    ]
    return "-".join(
        [
            *first_names,
            "and",
            str(len(recipes) - len(first_names)),
            "more",
            fingerprint(*recipes)[:4],
        ]
    )


def settings(words: list[str]) -> list[dict[str, Any]]:
    """The training settings to try, parsed from YAML: {learning_rate: 2.0e-5}.

    Raises:
        Refused: one of them is not a mapping.
    """
    made = []
    for text in words:
        try:
            setting = from_yaml(text)
        except yaml.YAMLError:
            setting = None
        if not isinstance(setting, dict) or not setting:
            raise Refused(
                f"--tune {text!r} is not a training setting. Write it as '{{learning_rate: "
                "2.0e-5}', and repeat --tune for each."
            )
        made.append(setting)
    return made


def folder_name(name: str, question: Question) -> str:
    """The name of a study's folder. Another split, number of rounds, first seed or tuning makes
    another study.
    """
    parts = [
        name,
        *([f"{question.rounds}-rounds"] if question.rounds > 1 else []),
        *([f"seeds-from-{question.first_seed}"] if question.first_seed > 1 else []),
        *([question.split] if question.split != "test" else []),
        *(
            [f"tuned-{fingerprint(json.dumps(question.tune, sort_keys=True))[:4]}"]
            if question.tune
            else []
        ),
    ]
    return "-".join(parts)


def written(file: Path) -> dict[str, Any]:
    """The content of a study file."""
    if not file.is_file():
        there = sorted(str(path) for path in FOLDER.glob("*.yaml"))
        raise Refused(f"{file} does not exist: {nearest(str(file), there)}")
    given, _ = loaded(file)
    if not isinstance(given, dict):
        raise Refused(f"{file} is empty. A study needs a `question`, `arms` and `contrasts`.")
    if odd := [key for key in given if not isinstance(key, str)]:
        raise Refused(
            f"{file}: a key is read as {odd[0]!r}, not as text (YAML reads on, off, yes and no as "
            "booleans). Valid keys: "
            f"{', '.join(Question.model_fields)}."
        )
    return given


def controls_of(arms: dict[str, Arm]) -> list[str]:
    """The arms that are controls, with any name: an unchanged control recipe. Baselines come
    first.
    """
    return [
        name
        for recipe in CONTROLS
        for name, arm in arms.items()
        if arm.recipe == recipe and not arm.changes and not arm.factors
    ]


def contrasts_of(arms: dict[str, Arm]) -> list[tuple[str, str]]:
    """Compare each arm that is not a control with one control: `in-batch`, else `random`, else the
    first other control.

    If all arms are controls, they are compared with it too. Without a control, each arm is compared
    with the first arm.
    """
    controls = controls_of(arms)
    others = [name for name in arms if name not in controls]
    against = controls[0] if controls else next(iter(arms))
    return [(against, name) for name in arms if name != against and (name in others or not others)]


def refuse(question: Question, where: str) -> None:
    """Raises Refused if the question has unknown names, invalid settings or too many contrasts."""
    if len(question.contrasts) > MOST_CONTRASTS:
        raise Refused(
            f"{where}: {len(question.contrasts)} contrasts, but at most {MOST_CONTRASTS} can be "
            "tested. Name those that answer the "
            "question: --contrast ONE:OTHER, repeated as needed. Other arms are shown without a "
            "test."
        )
    for pair in question.contrasts:
        for name in pair:
            if name not in question.arms:
                raise Refused(
                    f"{where}: contrast {':'.join(pair)}: there is no arm '{name}': "
                    f"{nearest(name, question.arms)}"
                )
        if pair[0] == pair[1]:
            raise Refused(
                f"{where}: contrast {':'.join(pair)} compares an arm with itself. Name two "
                "different arms."
            )
    if len(set(question.contrasts)) < len(question.contrasts):
        raise Refused(f"{where}: a contrast is named twice. Remove one.")
    if len(question.tune) == 1:
        raise Refused(
            f"{where}: `tune` has only one setting. Name two or more, or put the setting into "
            "`train`."
        )
    if question.tune and question.split == "dev":
        raise Refused(
            f"{where}: `tune` selects settings on dev queries, so the study cannot measure on "
            "dev. Use `split: test`."
        )
    for setting in question.tune:
        if question.tune.count(setting) > 1:
            raise Refused(f"{where}: `tune` has {setting} twice. Remove one.")
        if fixed := [key for key in FIXED if key in setting]:
            raise Refused(
                f"{where}: `tune` has {fixed[0]}, but all arms have the same number of updates. "
                "Set `steps` of the study instead."
            )
    refuse_factors(question, where)
    for name, arm in question.arms.items():
        if not NAME.fullmatch(name) or ".." in name or name.endswith((".", ".lock")):
            raise Refused(
                f"{where}: arm '{name}' needs another name, because it is part of a file name. "
                "Use letters, digits, '_' and '-'."
            )
        if fixed := [key for key in FIXED if key in (arm.changes.get("train") or {})]:
            raise Refused(
                f"{where}: arm {name} sets train.{fixed[0]}, but all arms have the same number of "
                "updates. Set the study's `steps` "
                "(--steps) instead. Without it, the recipes' `epochs` apply."
            )
        if both := sorted(
            {key for setting in question.tune for key in setting}
            & set(arm.changes.get("train") or {})
        ):
            raise Refused(
                f"{where}: arm {name} and `tune` both set train.{both[0]}. Remove one of them."
            )
        for section in arm.changes:
            if section not in STAGES:
                raise Refused(
                    f"{where}: arm {name} has '{section}', which is not a section of a recipe: "
                    f"{nearest(section, STAGES)}"
                )
    for name in [
        *(arm.recipe for arm in question.arms.values() if arm.recipe is not None),
        *([question.first] if question.first else []),
    ]:
        if name not in recipe.names():
            raise Refused(
                f"{where}: there is no recipe '{name}': {nearest(name, recipe.names())} (recipes "
                f"are the files in {recipe.FOLDER}/)"
            )


def refuse_factors(question: Question, where: str) -> None:
    """Raises Refused if arms set an undeclared factor, or no arm sets a declared one."""
    for name, arm in question.arms.items():
        if undeclared := [one for one in arm.factors if one not in question.factor]:
            raise Refused(
                f"{where}: arm {name} sets {undeclared[0]}, which is not a declared factor of the "
                f"study. Add `factor: [{', '.join([*question.factor, *undeclared])}]`, or remove "
                "the setting."
            )
        if "model" in arm.factors and arm.model is None:
            raise Refused(f"{where}: arm {name} has an empty `model`. Name one, or remove the key.")
        if arm.command is not None and question.tune:
            raise Refused(
                f"{where}: arm {name} is a command, so `tune` cannot change its settings. Remove "
                "`tune`, or the arm."
            )
        if arm.command is not None and question.first:
            raise Refused(
                f"{where}: arm {name} is a command and starts from the base model, so it cannot "
                f"share the first round {question.first}. Remove `first`, or the arm."
            )
    for factor in question.factor:
        if not any(factor in arm.factors for arm in question.arms.values()):
            raise Refused(
                f"{where}: `factor` names {factor}, but no arm sets it. Set it in an arm, or "
                "remove it from `factor`."
            )
