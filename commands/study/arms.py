"""An arm with a seed: its params.yaml, and fingerprints of everything that its result depends on."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

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

ADDRESS = 20  # hexadecimal digits
CODE = ("code", "packages")  # the parts of a stage's settings that identify its code


@dataclass(frozen=True)
class Fingerprints:
    """Hashes of everything that a trial's result depends on.

    Attributes:
        settings: what every stage of the trial does, without its code.
        data: the files of all collections.
        code: the code of every stage and the versions of its packages.
    """

    settings: str
    data: str
    code: str

    @property
    def address(self) -> str:
        return fingerprint(self.settings, self.data, self.code)[:ADDRESS]


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
    def wanted(self) -> dict[str, dict]:
        """The settings of the stages that the trial runs."""
        return {name: values for name, values in self.settings.items() if not name.startswith(NOT_READ)}

    @cached_property
    def fingerprints(self) -> Fingerprints:
        settings = {name: {key: value for key, value in values.items() if key not in CODE} for name, values in self.wanted.items()}
        code = {name: [values.get(key) for key in CODE] for name, values in self.wanted.items()}
        files = [fingerprint_of(Path(item.path)) for item in self.params.collections.values()]
        parts = (fingerprint(json.dumps(part, sort_keys=True)) for part in (settings, files, code))
        return Fingerprints(*(part[:ADDRESS] for part in parts))

    @property
    def address(self) -> str:
        """A hash of everything that the trial's result depends on."""
        return self.fingerprints.address

    def model_address(self, round: str) -> str:
        """A hash of everything that the model of a round depends on: trials with a common beginning share it."""
        names = list(self.rounds)
        before = names[: names.index(round) + 1]
        upstream = ("collect/", "base", "start", "admit", "leakage/", *(f"rounds/{name}/" for name in before))
        settings = {name: values for name, values in self.wanted.items() if name.startswith(upstream)}
        return fingerprint(self.fingerprints.data, json.dumps(settings, sort_keys=True))[:ADDRESS]

    @property
    def targets(self) -> list[str]:
        """The stages that are run, with all that they need: the evaluations of every round, and of the base model."""
        rounds = [f"evaluate@{name}-{collection}" for name in self.rounds for collection in self.params.evaluate_on]
        return [*rounds, *(f"evaluate-reference@{BASE}-{collection}" for collection in self.params.evaluate_on)]


# Of what `resolve` writes, what a trial does not run.
NOT_READ = ("open", "track/", "drift", "report", "reference/bm25/")


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
        return fingerprint(*(part for file in files for part in (str(file.relative_to(path)), hash_of(file))))
    return hash_of(path) if path.is_file() else ""


def hash_of(file: Path) -> str:
    """The hash of a file, which is read once for all trials: large collections take seconds."""
    about = file.stat()
    return read_hash(file.absolute(), about.st_size, about.st_mtime_ns)


@cache
def read_hash(file: Path, size: int, changed: int) -> str:
    return fingerprint_of_file(file)


def user_params() -> Params:
    """The user's params.yaml.

    Raises:
        Refused: the path of a collection leads out of the project, where a trial's worktree would not find it.
    """
    given = params.read()
    text = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for name, item in text["collections"].items():
        for key in ("path", "source"):
            place = str(item[key]).partition(":")[2] or str(item[key]) if key == "source" else str(item[key])
            if place.startswith(".."):
                raise Refused(
                    f"params.yaml: collections.{name}: {key} is {item[key]}. The arms of a study work in copies of this folder, where that "
                    "path leads nowhere. Copy the files below inputs/, or write an absolute path."
                )
    return given
