"""An arm with a seed: the params.yaml it would have, how DVC is told, and an address that says all it is computed from."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from commands.plan.command import counts
from commands.study.design import Arm, Question
from hone.config import params
from hone.config.params import FILE, Params
from hone.config.recipe import read
from hone.config.recipe_schema import Recipe
from hone.config.stage_settings import StageSettings
from hone.errors import Refused
from hone.files import fingerprint, fingerprint_of_file
from hone.layout import BASE
from tasks.resolve.stages import everything

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
ADDRESS = 20  # hexadecimal digits
LAYOUT = 4  # of what is kept of a trial: another finds none of it and gathers it anew from DVC's cache


@dataclass(frozen=True)
class Trial:
    """One arm with one seed.

    Attributes:
        arm: its name.
        seed: of all that is drawn.
        rounds: as params.yaml would have them.
        question: of the study.
        given: the user's params.yaml.
    """

    arm: str
    seed: int
    rounds: dict[str, dict[str, Any]]
    question: Question
    given: Params

    @property
    def name(self) -> str:
        return f"{self.arm}, seed {self.seed}"

    @property
    def experiment(self) -> str:
        """What DVC calls it."""
        return f"study-{self.arm}-s{self.seed}-{self.address[:8]}"

    @cached_property
    def params(self) -> Params:
        """params.yaml as this trial has it."""
        own = self.given.model_dump(by_alias=True, exclude_unset=True)
        collections = {name: item | {"seed": own_seed(self.given, name)} for name, item in own["collections"].items()}
        train = own.get("train", {}) | self.question.train
        changed = {"seed": self.seed, "rounds": self.rounds, "collections": collections, "train": train}
        return Params(**own | changed)

    @cached_property
    def stages(self) -> dict[str, StageSettings]:
        """The settings of every stage.

        Raises:
            Refused: the recipe needs something that is not here.
        """
        try:
            return everything(self.params)
        except Refused as refusal:
            raise Refused(f"the arm {self.arm} cannot run here: {refusal}") from None

    @cached_property
    def settings(self) -> dict[str, dict]:
        """The settings of every stage as JSON values; see `stages`."""
        return {name: values.plain() for name, values in self.stages.items()}

    @cached_property
    def address(self) -> str:
        """A hash of what every stage that it needs would do, its code included, and of what collections are read from."""
        wanted = {name: values for name, values in self.settings.items() if not name.startswith(NOT_READ)}
        files = [fingerprint_of(Path(item.path)) for item in self.params.collections.values()]
        return fingerprint(str(LAYOUT), json.dumps(wanted, sort_keys=True), *files)[:ADDRESS]

    @property
    def targets(self) -> list[str]:
        """The stages that are run, with all that they need: the evaluations of every round, and of the base model."""
        rounds = [f"evaluate@{name}-{collection}" for name in self.rounds for collection in self.params.evaluate_on]
        return [*rounds, *(f"evaluate-reference@{BASE}-{collection}" for collection in self.params.evaluate_on)]

    @property
    def overrides(self) -> list[str]:
        """The arguments of `dvc exp run` that make its params.yaml of the user's."""
        gone = [f"~rounds.{name}" for name in self.given.rounds]
        made = [f"+rounds.{name}={hydra(item)}" for name, item in self.rounds.items()]
        of_seed = [f"{added(self.given, 'seed')}seed={self.seed}"]
        unset = {name: item for name, item in self.given.collections.items() if item.seed is None}
        seeds = [f"{added(item, 'seed')}collections.{name}.seed={own_seed(self.given, name)}" for name, item in unset.items()]
        unlearned = [f"~train.{name}" for name in self.question.train if name in self.given.train]
        train = [*unlearned, *(f"+train.{name}={hydra(value)}" for name, value in self.question.train.items())]
        return [part for value in [*gone, *made, *of_seed, *seeds, *train] for part in ("-S", value)]


# Of what `resolve` writes, what a trial does not run.
NOT_READ = ("open", "track/", "drift", "report", "reference/bm25/")


def added(given: BaseModel, name: str) -> str:
    """How an override of a setting begins: with + where the file does not have it."""
    return "" if name in given.model_fields_set else "+"


def own_seed(given: Params, collection: str) -> int:
    """The seed that a collection's queries are taken by: the same in all trials."""
    own = given.collections[collection].seed
    return given.seed if own is None else own


def trials(question: Question, given: Params, settings: dict[str, dict[str, Any]] | None = None) -> list[Trial]:
    """Every arm with every seed, all arms of a seed before the next seed: an early look is a fair one.

    Args:
        question: of the study.
        given: the user's params.yaml.
        settings: of arms that were tuned, what their training takes.
    """
    for name, arm in question.arms.items():
        recipe_of(name, arm, given)
    return [trial_of(name, seed, question, given, (settings or {}).get(name, {})) for seed in question.all_seeds for name in question.arms]


def trial_of(arm: str, seed: int, question: Question, given: Params, setting: dict[str, Any]) -> Trial:
    """An arm with a seed, its training changed by a setting.

    Raises:
        Refused: the setting cannot be meant.
    """
    own = question.arms[arm]
    recipe_of(arm, own, given)
    if setting:
        own = own.model_copy(update={"train": own.changes.get("train", {}) | setting})
        recipe_of(arm, own, given)
    return Trial(arm, seed, rounds_of(own, question, given), question, given)


def rounds_of(arm: Arm, question: Question, given: Params) -> dict[str, dict[str, Any]]:
    """The rounds r1 to rn of an arm, each with as many steps that its model has had as many updates since the base as all others.

    A round that starts from the base model anew does the work of all before it once more: it trains as many times longer. Without
    `steps` a round has as many epochs as the arm that asks for most: rules that look at earlier epochs could never act otherwise.
    """
    steps = question.steps or math.ceil(one_epoch(given, question) * epochs(given, question))
    names = [f"r{place}" for place in range(1, question.rounds + 1 + bool(question.first))]
    rounds: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(names, start=1):
        start = BASE if place == 1 else names[place - 2]
        shared = place == 1 and question.first
        changes = {} if shared else json.loads(json.dumps(arm.changes))
        anew = init_of(question.first if shared else arm.recipe, given, changes) == "base"
        train = changes.get("train", {}) | {"steps": steps * (place if anew else 1)}
        rounds[name] = {"from": start, "recipe": question.first if shared else arm.recipe, **changes, "train": train}
    return rounds


def init_of(recipe: str, given: Params, changes: dict[str, Any]) -> str:
    return read(recipe, given.train, changes).train.init


def epochs(given: Params, question: Question) -> float:
    """The most epochs of a round that any arm's recipe asks for."""
    return max(recipe_of(name, arm, given).train.epochs for name, arm in question.arms.items())


def recipe_of(name: str, arm: Arm, given: Params) -> Recipe:
    """An arm's recipe with what it changes.

    Raises:
        Refused: something in either cannot be meant.
    """
    try:
        return read(arm.recipe, given.train, arm.changes)
    except Refused as refusal:
        said = f" with {', '.join(arm.changes)} as the study has it" if arm.changes else ""
        raise Refused(f"the arm {name}, which is {arm.recipe}{said}: {refusal}") from None


def one_epoch(given: Params, question: Question) -> int:
    """Steps of one epoch of all training queries at the batch size of params.yaml, which all arms take.

    Raises:
        Refused: how many training queries there are is not known yet.
    """
    from hone.config.methods import checked

    sizes = {name: counts(name) for name in given.train_on}
    queries = [sizes[name]["train"] if sizes[name] else given.collections[name].train_queries for name in given.train_on]
    if None in queries:
        raise Refused(
            f"how many training queries {', '.join(given.train_on)} has is known when it is collected: "
            f"`dvc repro {' '.join(f'collect@{name}' for name in given.train_on)}`, or say --steps."
        )
    line = checked("train.batch", (given.train | question.train).get("batch", "random"), "params.yaml: train.batch")
    return math.ceil(sum(queries) / line["parameters"].get("size", 64))


def fingerprint_of(path: Path) -> str:
    """A hash of a file, or of all files of a folder and where they lie in it."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return fingerprint(*(part for file in files for part in (str(file.relative_to(path)), fingerprint_of_file(file))))
    return fingerprint_of_file(path) if path.is_file() else ""


def hydra(value: Any) -> str:
    """A value in the grammar of DVC's `--set-param`: {from:r0,recipe:'top-k'}.

    Raises:
        Refused: a word that DVC writes without quotation marks, and that is then read as something else (YAML's versions differ).
    """
    for word in [*value] if isinstance(value, dict) else [value] if isinstance(value, str) else []:
        if word and not is_word(word):
            raise Refused(f"an arm has the word {word!r}, which a params.yaml that DVC writes would not keep as a word: choose another.")
    if isinstance(value, dict):
        if odd := [key for key in value if not KEY.fullmatch(str(key))]:
            raise Refused(f"an arm has the name {odd[0]!r}, which DVC's --set-param cannot carry: write a recipe of its own in recipes/.")
        return "{" + ",".join(f"{key}:{hydra(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(hydra, value)) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if "${" in value:
        raise Refused(f"an arm has the text {value!r}, in which DVC would look for another setting: write a recipe of its own in recipes/.")
    # A backslash stands for itself, but before a quotation mark: those, and the last ones, are doubled.
    return "'" + re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), value) + "'"


def is_word(text: str) -> bool:
    """Whether a text without quotation marks is one in YAML 1.1, which PyYAML reads; `on`, `no` and `1:30` are not."""
    return yaml.resolver.Resolver().resolve(yaml.ScalarNode, text, (True, False)) == "tag:yaml.org,2002:str"


def user_params() -> Params:
    """The user's params.yaml.

    Raises:
        Refused: an experiment, which works in a copy of the project elsewhere, would not find something that it names.
    """
    given = params.read()
    text = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for name, item in text["collections"].items():
        for key in ("path", "source"):
            place = str(item[key]).partition(":")[2] or str(item[key]) if key == "source" else str(item[key])
            if place.startswith(".."):
                raise Refused(
                    f"params.yaml: collections.{name}: {key} is {item[key]}. The arms of a study work in copies of this folder, where that "
                    "leads nowhere: copy it below inputs/ and commit it (or `dvc add` it), or write its absolute path."
                )
    return given
