"""A trial: an arm with a seed, its params.yaml, and fingerprints of everything that its result
depends on.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from commands.plan.work import counts
from commands.study import command_arm
from commands.study.design import OTHER_BASE, Arm, Question
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
OF_TRAINING = ("train_queries", "hide", "generate")  # factors of every training collection
CODE = ("code", "packages")  # the parts of a stage's settings that identify its code


@dataclass(frozen=True)
class Fingerprints:
    """Hashes of everything that a trial's result depends on.

    Attributes:
        settings: the settings of every stage of the trial, without its code.
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
        arm: the name of the arm; with the number of its setting if it is a tuning trial.
        definition: the arm in the study.
        seed: the seed of all random choices.
        rounds: the rounds, in the form of params.yaml.
        question: the question of the study.
        given: the user's params.yaml.
    """

    arm: str
    definition: Arm
    seed: int
    rounds: dict[str, dict[str, Any]]
    question: Question
    given: Params

    @property
    def name(self) -> str:
        return f"{self.arm}, seed {self.seed}"

    @property
    def command(self) -> str | None:
        """The command that trains the model of this arm, in place of a recipe."""
        return self.definition.command

    @property
    def factors(self) -> dict[str, Any]:
        """The arm's own settings of params.yaml as JSON values, by name of the factor."""
        return {name: plain(value) for name, value in self.definition.factors.items()}

    @cached_property
    def params(self) -> Params:
        """The params.yaml of this trial."""
        own = self.given.model_dump(by_alias=True, exclude_unset=True)
        of_training = {name: self.factors[name] for name in OF_TRAINING if name in self.factors}
        collections = {
            name: item
            | {"seed": own_seed(self.given, name)}
            | (of_training if name in self.given.train_on else {})
            for name, item in own["collections"].items()
        }
        train = own.get("train", {}) | self.question.train
        changed = {
            "seed": self.seed,
            "rounds": self.rounds,
            "collections": collections,
            "train": train,
        }
        return Params(**own | changed | model_of(own.get("model", {}), self.factors))

    @cached_property
    def stages(self) -> dict[str, StageSettings]:
        """The settings of every stage.

        Raises:
            Refused: the recipe needs a method, judge or file that is not available.
        """
        try:
            return everything(self.params)
        except Refused as refusal:
            raise Refused(f"Arm {self.arm} cannot run here: {refusal}") from None

    @cached_property
    def settings(self) -> dict[str, dict]:
        """The settings of every stage as JSON values; see `stages`."""
        return {name: values.plain() for name, values in self.stages.items()}

    @cached_property
    def wanted(self) -> dict[str, dict]:
        """The settings of the stages that the trial runs. A command replaces those of rounds."""
        return {
            name: values
            for name, values in self.settings.items()
            if is_read(name) and not (self.command and name.startswith("rounds/"))
        }

    @cached_property
    def fingerprints(self) -> Fingerprints:
        settings = {
            name: {key: value for key, value in values.items() if key not in CODE}
            for name, values in self.wanted.items()
        }
        code = {name: [values.get(key) for key in CODE] for name, values in self.wanted.items()}
        if self.command:
            settings["command"] = {"command": self.command, "steps": self.steps, "seed": self.seed}
            code["command"] = [command_arm.code_of(self.command)]
        files = [fingerprint_of(Path(item.path)) for item in self.params.collections.values()]
        parts = (fingerprint(json.dumps(part, sort_keys=True)) for part in (settings, files, code))
        return Fingerprints(*(part[:ADDRESS] for part in parts))

    @property
    def address(self) -> str:
        """A hash of everything that the trial's result depends on."""
        return self.fingerprints.address

    def model_address(self, round: str) -> str:
        """A hash of everything that the model of a round depends on. Trials with the same first
        rounds share it.
        """
        names = list(self.rounds)
        before = names[: names.index(round) + 1]
        upstream = (
            "collect/",
            "generate/",
            "base",
            "start",
            "admit",
            "leakage/",
            *(f"rounds/{name}/" for name in before),
        )
        settings = {
            name: values for name, values in self.wanted.items() if name.startswith(upstream)
        }
        return fingerprint(self.fingerprints.data, json.dumps(settings, sort_keys=True))[:ADDRESS]

    @property
    def steps(self) -> int:
        """Training steps of the last round."""
        return self.rounds[list(self.rounds)[-1]]["train"]["steps"]

    @property
    def targets(self) -> list[str]:
        """The target stages: the evaluations of every round and of the base model. DVC also runs
        what they depend on. Before a command runs, the leakage check has to pass.
        """
        rounds = [
            f"evaluate@{name}-{collection}"
            for name in self.rounds
            for collection in self.params.evaluate_on
        ]
        return [
            *(["admit"] if self.command else rounds),
            *(f"evaluate-reference@{BASE}-{collection}" for collection in self.params.evaluate_on),
        ]


# Prefixes of resolved stages that a trial does not run. The only reference that it evaluates is r0.
NOT_READ = ("open", "track/", "drift", "report", "reference/")


def is_read(name: str) -> bool:
    """Whether a trial runs a resolved stage."""
    return name.startswith(f"reference/{BASE}/") or not name.startswith(NOT_READ)


def own_seed(given: Params, collection: str) -> int:
    """The seed that selects a collection's queries. It is the same in all trials."""
    own = given.collections[collection].seed
    return given.seed if own is None else own


def trials(
    question: Question, given: Params, settings: dict[str, dict[str, Any]] | None = None
) -> list[Trial]:
    """Every arm with every seed. All arms of a seed come before the next seed, so that early
    results are comparable.

    Args:
        question: the question of the study.
        given: the user's params.yaml.
        settings: the chosen training settings of tuned arms, by arm.
    """
    for name, arm in question.arms.items():
        recipe_of(name, arm, given)
    return [
        trial_of(name, seed, question, given, (settings or {}).get(name, {}))
        for seed in question.all_seeds
        for name in question.arms
    ]


def trial_of(
    arm: str, seed: int, question: Question, given: Params, setting: dict[str, Any]
) -> Trial:
    """An arm with a seed and a training setting.

    Raises:
        Refused: the setting is not valid.
    """
    own = question.arms[arm]
    recipe_of(arm, own, given)
    if setting:
        own = own.model_copy(update={"train": own.changes.get("train", {}) | setting})
        recipe_of(arm, own, given)
    return Trial(arm, own, seed, rounds_of(own, question, given), question, given)


def model_of(given: dict[str, Any], factors: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The section `model` of a trial; empty if the arm has the model of params.yaml.

    Another model has its own revision and prompts. Its length and precision are those of
    params.yaml, unless the arm has its own.

    Args:
        given: the section `model` of params.yaml.
        factors: the arm's own settings.
    """
    if not OTHER_BASE & factors.keys():
        return {}
    model = dict(given)
    if "model" in factors:
        own = factors["model"]
        shared = {key: value for key, value in given.items() if key in ("max_length", "precision")}
        model = shared | (own if isinstance(own, dict) else {"name": own})
    if "max_length" in factors:
        model["max_length"] = factors["max_length"]
    return {"model": model}


def plain(value: Any) -> Any:
    """A setting as a JSON value. A mapping has only the keys that the study file gives."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    return value


def rounds_of(arm: Arm, question: Question, given: Params) -> dict[str, dict[str, Any]]:
    """The rounds r1 to rn of an arm. After each round, the models of all arms have had the same
    number of updates, unless an arm has its own `steps`.

    A command replaces all rounds. Its only round has the name of the last one, so that it is
    compared with the last round of the other arms.

    A round that restarts from the base model trains once for itself and once for each earlier
    round. Without `steps`, all arms train for the largest number of epochs of any recipe. Filters
    that read earlier epochs would otherwise have no effect.
    """
    steps = (
        arm.steps
        or question.steps
        or math.ceil(one_epoch(given, question) * epochs(given, question))
    )
    names = [f"r{place}" for place in range(1, question.rounds + 1 + bool(question.first))]
    if arm.command:
        train = {"steps": steps * len(names)}
        return {names[-1]: {"from": BASE, "recipe": command_arm.RECIPE, "train": train}}
    rounds: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(names, start=1):
        start = BASE if place == 1 else names[place - 2]
        shared = place == 1 and question.first
        changes = {} if shared else json.loads(json.dumps(arm.changes))
        anew = init_of(question.first if shared else arm.recipe, given, changes) == "base"
        train = changes.get("train", {}) | {"steps": steps * (place if anew else 1)}
        rounds[name] = {
            "from": start,
            "recipe": question.first if shared else arm.recipe,
            **changes,
            "train": train,
        }
    return rounds


def init_of(recipe: str, given: Params, changes: dict[str, Any]) -> str:
    return read(recipe, given.train, changes).train.init


def epochs(given: Params, question: Question) -> float:
    """The largest number of epochs of any arm's recipe."""
    return max(
        recipe.train.epochs
        for name, arm in question.arms.items()
        if (recipe := recipe_of(name, arm, given)) is not None
    )


def recipe_of(name: str, arm: Arm, given: Params) -> Recipe | None:
    """An arm's recipe with its changes; null if the arm is a command.

    Raises:
        Refused: the recipe or a change is not valid.
    """
    if arm.recipe is None:
        return None
    try:
        return read(arm.recipe, given.train, arm.changes)
    except Refused as refusal:
        changes = f", changed: {', '.join(arm.changes)}" if arm.changes else ""
        raise Refused(f"Arm {name} (recipe {arm.recipe}{changes}): {refusal}") from None


def one_epoch(given: Params, question: Question) -> int:
    """Steps of one epoch of all training queries at the batch size of params.yaml, the same for all
    arms.

    Raises:
        Refused: the number of training queries is not known yet.
    """
    from hone.config.methods import checked

    sizes = {name: counts(name) for name in given.train_on}
    queries = [
        sizes[name]["train"] if sizes[name] else given.collections[name].train_queries
        for name in given.train_on
    ]
    if None in queries:
        raise Refused(
            f"The number of training queries of {', '.join(given.train_on)} is not known yet. "
            f"Run `dvc repro {' '.join(f'collect@{name}' for name in given.train_on)}`, or use "
            "--steps."
        )
    line = checked(
        "train.batch",
        (given.train | question.train).get("batch", "random"),
        "params.yaml: train.batch",
    )
    return math.ceil(sum(queries) / line["parameters"].get("size", 64))


def fingerprint_of(path: Path) -> str:
    """A hash of a file, or of the paths and contents of all files of a folder."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return fingerprint(
            *(part for file in files for part in (str(file.relative_to(path)), hash_of(file)))
        )
    return hash_of(path) if path.is_file() else ""


def hash_of(file: Path) -> str:
    """The hash of a file. The file is read once for all trials, because large collections take
    seconds.
    """
    about = file.stat()
    return read_hash(file.absolute(), about.st_size, about.st_mtime_ns)


@cache
def read_hash(file: Path, size: int, changed: int) -> str:
    return fingerprint_of_file(file)


def user_params() -> Params:
    """The user's params.yaml.

    Raises:
        Refused: a collection's path leaves the project. It would not exist in a trial's worktree.
    """
    given = params.read()
    text = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for name, item in text["collections"].items():
        for key in ("path", "source"):
            place = (
                str(item[key]).partition(":")[2] or str(item[key])
                if key == "source"
                else str(item[key])
            )
            if place.startswith(".."):
                raise Refused(
                    f"params.yaml: collections.{name}: {key} is {item[key]}. Trials run in copies "
                    "of this folder, where that path does not "
                    "exist. Copy the files below inputs/, or write an absolute path."
                )
    return given
