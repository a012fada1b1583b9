"""A recipe: one YAML file that says what one round does. Read, joined with what params.yaml changes, every default filled in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tasks import methods, params
from tasks.errors import Refused, nearest
from tasks.files import fingerprint
from tasks.params import STAGES, Params, faults
from tasks.resolve.places import Layer, Places, loaded
from tasks.retrieve.source_name import source_name

FOLDER = Path("recipes")
GUARDS = ("labelled", "same-text", "near-duplicate", "same-parent")

NONE = ("retrieve", "rank", "score", "sample")  # sections that a recipe may call `none`, which is as if they were missing

Line = Any  # a method's name, or {name: {parameter: value}}
Then = Literal["keep", "drop", "drop-query", "weight", "mask", "promote"]


class Section(BaseModel):
    """One section of a recipe."""

    model_config = ConfigDict(extra="forbid")


class Ranks(Section):
    """A window of ranks.

    Attributes:
        first: the first rank.
        last: the last rank; null: to the end.
    """

    first: Annotated[int, Field(ge=1)] = 1
    last: Annotated[int, Field(ge=1)] | None = None


class Window(Section):
    """Ranks that negatives are taken from.

    Attributes:
        first: the first rank.
        last: the last rank; null: to the end.
        counted: `before` the `keep` rules or `after` them; libraries differ. After is ours.
    """

    first: Annotated[int, Field(ge=1)] = 1
    last: Annotated[int, Field(ge=1)] | None = None
    counted: Literal["before", "after"] = "after"


class Sample(Section):
    """How negatives come from candidates.

    Attributes:
        keep: rules that take candidates out, in their order. The default has those that let no known answer become a negative (ours).
        window: of what is left, the ranks that are chosen from.
        choose: the rule that chooses negatives of these.
        on_shortage: what happens where a query gets fewer than the rule's `n`: `widen` takes from outside the window, `random` draws
            documents from the collection, `fewer` leaves it, `drop-query` takes the query out of the round. Ours.
    """

    keep: list[Line] = list(GUARDS)
    window: Window = Window()
    choose: Line = "top"
    on_shortage: Literal["widen", "random", "fewer", "drop-query"] = "widen"


class Judged(Section):
    """One line of a cascade: who judges, and by which rule pairs go on to the next judge.

    Attributes:
        judge: a name of params.yaml's `judges`, or a judge with its parameters; of a list the first that is there and can work.
        send: the rule by which pairs go on.
        optional: go on without it where it cannot work.
    """

    judge: Line
    send: Line = "found"
    optional: bool = False


class Band(Section):
    """What becomes of pairs from a probability on."""

    start: Annotated[float, Field(ge=0, le=1)] = Field(alias="from")
    then: Then


class Budget(Section):
    """What judging may cost in one round: a hard stop; null: no limit.

    Attributes:
        money: in the currency of the judge's `price`.
        tokens: read and written.
        pairs: that a judge is asked about.
        minutes: of the whole stage.
    """

    money: Annotated[float, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    pairs: Annotated[int, Field(ge=0)] | None = None
    minutes: Annotated[float, Field(ge=0)] | None = None


class Relabel(Section):
    """Who reads the negatives, and what becomes of the false ones.

    Attributes:
        cascade: judges, cheapest first.
        then: what becomes of a false negative: it stays (`keep`), leaves (`drop`), takes its query along (`drop-query`), weighs less
            (`weight`), is not compared (`mask`), or becomes a positive (`promote`); or a list of bands of its probability.
        final: whose word counts: the `last` judge's, or only what `all` agree on.
        depth: negatives of each query that are judged; null: all.
        control: of the pairs that a judge does not send on, the share that the next one reads all the same, to see what is missed.
        most_hits: queries with more hits are set aside; null: none. 7 in RLHN's paper, 8 in its code.
        precision: the lower bound of the last judge's precision that `promote` needs (ours).
        force: promote without it.
        grades: write the judges' grades into the labels, for a loss that learns from them.
        budget: what judging may cost.
    """

    cascade: Annotated[list[Judged], Field(min_length=1)]
    then: Then | Annotated[list[Band], Field(min_length=1)] = "drop"
    final: Literal["last", "all"] = "last"
    depth: Annotated[int, Field(ge=1)] | None = None
    control: Annotated[float, Field(ge=0, le=1)] = 0.0
    most_hits: Annotated[int, Field(ge=1)] | None = None
    precision: Annotated[float, Field(gt=0, lt=1)] = 0.8
    force: bool = False
    grades: bool = False
    budget: Budget = Budget()


class Rank(Section):
    """How the loop's own cross-encoder comes from labels and candidates. The defaults are ours.

    Attributes:
        base: what the first ranker starts from: an encoder, a cross-encoder or another model of transformers (a folder below inputs/, a
            Hub id); null: the base encoder. A head that it lacks is new.
        revision: of a Hub id.
        init: `previous` starts from the last round's ranker, where there is one; `base` never.
        negatives: drawn for each known positive among candidates that nobody knows to be right.
        window: the ranks of each source's list that are drawn from.
        draw: `union` draws among all candidates of a query alike; `even` has the sources give in turn.
        epochs: how often each pair is seen.
        steps: of the whole training, in place of epochs; null: as `epochs` says.
        batch: pairs of a step.
        learning_rate: at its highest.
        warmup: the share of steps in which the rate rises from 0.
        schedule: how the rate falls afterwards.
        dropout: null: the model's own.
        weight_decay: AdamW's.
        max_length: tokens of a query and a document together; null: what the encoder reads of a document, and 32.
        precision: `auto`: as texts are encoded (params.yaml's `model.precision`).
        checkpoint_steps: a killed training goes on from the last multiple of these.
        rerank: documents of each dev query that it is tried on.
    """

    base: str | None = None
    revision: str | None = None
    init: Literal["base", "previous"] = "previous"
    negatives: Annotated[int, Field(ge=1)] = 4
    window: Ranks = Ranks()
    draw: Literal["union", "even"] = "union"
    epochs: Annotated[float, Field(gt=0)] = 1
    steps: Annotated[int, Field(ge=1)] | None = None
    batch: Annotated[int, Field(ge=2)] = 32
    learning_rate: Annotated[float, Field(ge=0)] = 1e-4
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = "linear"
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    max_length: Annotated[int, Field(ge=8)] | None = None
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    checkpoint_steps: Annotated[int, Field(ge=1)] = 100
    rerank: Annotated[int, Field(ge=1)] = 20


class Train(Section):
    """How a model comes from labels.

    Attributes:
        init: the weights that training starts from: of the `previous` round, or the `base` model.
        losses: their sum is what training makes small.
        batch: which queries train together.
        negatives: of each query, the first so many by rank train with it; 0: the other answers of the batch alone.
        positives: `one` known answer of each query in an epoch, drawn anew, or `all`.
        epochs: how often each query is seen.
        steps: of the whole training, in place of epochs; null: as `epochs` says.
        learning_rate: 2e-5 is usual for encoders of this size; params.yaml's `train` sets another for recipes that leave it open.
        warmup: the share of steps in which the rate rises from 0.
        schedule: how the rate falls afterwards.
        dropout: 0 makes vectors in training what they are in retrieval; null: the model's own. Ours.
        weight_decay: AdamW's; .01 as in transformers' examples.
        precision: `auto`: as texts are encoded (params.yaml's `model.precision`).
        checkpoint_steps: a killed training goes on from the last multiple of these.
    """

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
    """What one round does; a section that is missing means `none`: the stage passes data on.

    Attributes:
        about: one line of what it does.
        paper: where it is published, with its arXiv number or year; null: nowhere.
        fidelity: what it is to its paper: `faithful`, `adapted` (it does something otherwise) or `partial` (something is missing).
        differs: what it does otherwise and why, or what is missing.
    """

    about: str
    paper: str | None = None
    fidelity: Literal["faithful", "adapted", "partial"] | None = None
    differs: str | None = None
    retrieve: list[Line] = []
    rank: Rank | None = None
    score: list[Line] = []
    sample: Sample = Sample()
    relabel: Literal["none"] | Relabel = "none"
    train: Train = Train()

    @model_validator(mode="after")
    def says_how_it_differs(self) -> Recipe:
        if self.fidelity in ("adapted", "partial") and not self.differs:
            lacking = "what it does otherwise, and why" if self.fidelity == "adapted" else "what is missing"
            raise ValueError(f"`fidelity: {self.fidelity}` needs `differs`: {lacking}")
        return self


def names() -> list[str]:
    """The recipes there are."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def read(name: str, defaults: dict[str, Any] | None = None, changes: dict[str, Any] | None = None, round: str | None = None) -> Recipe:
    """A recipe with its defaults and a round's changes.

    Args:
        name: file name without ending.
        defaults: of the section `train`, from params.yaml; the recipe wins over them.
        changes: by section, from the round in params.yaml; they win over the recipe.
        round: its name, so that what is wrong with a change can be found.

    Raises:
        Refused: no such recipe, or something in it cannot be meant.
    """
    file = FOLDER / f"{name}.yaml"
    if not file.exists():
        raise Refused(f"params.yaml names the recipe '{name}': {nearest(name, names())} (recipes are the files in {FOLDER}/)")
    return check(file, defaults, changes, round)


def recipe_of(given: Params, round: str) -> Recipe:
    """The recipe of a round of params.yaml, with its changes."""
    item = given.rounds[round]
    return read(item.recipe, given.train, item.changes, round)


def check(file: Path, defaults: dict[str, Any] | None = None, changes: dict[str, Any] | None = None, round: str | None = None) -> Recipe:
    """The recipe in a file; see `read`. Whatever is wrong is told at once, a line for each, with the file and the line."""
    given, root = loaded(file)
    if given is None:
        raise Refused(f"{file} is empty: a recipe has at least `about: what it does` and, as a rule, `retrieve`, `sample` and `train`.")
    if not isinstance(given, dict):
        raise Refused(f"{file} is a {'list' if isinstance(given, list) else 'text'}: a recipe is sections by name, such as `about: ...`.")
    places = Places(layers_of(file, root, defaults, changes, round))
    given = merged({"train": defaults or {}}, given, changes or {})
    if isinstance(given.get("retrieve"), dict | str):
        given["retrieve"] = [given["retrieve"]]
    try:
        recipe = Recipe(**{str(name): value for name, value in given.items() if value != "none" or name not in NONE})
    except ValidationError as error:
        for path, sentence in faults(error, Recipe):
            places.wrong(path, sentence)
        places.refuse()
    return with_methods(recipe, places)


def layers_of(file: Path, root: yaml.Node | None, defaults: dict | None, changes: dict | None, round: str | None) -> list[Layer]:
    """The files that settings come from, those that win first."""
    own = Layer(file, root)
    if not (defaults or changes) or not params.FILE.is_file():
        return [own]
    _, theirs = loaded(params.FILE)
    return [*([Layer(params.FILE, theirs, ("rounds", round))] if changes and round else []), own, Layer(params.FILE, theirs)]


def cited(recipe: Recipe) -> str | None:
    """Where a recipe comes from and what it does otherwise, as a model's card says it; null where there is no paper."""
    if recipe.paper is None or recipe.fidelity is None:
        return recipe.paper
    return f"{recipe.paper}; {recipe.fidelity}" + (f": {recipe.differs.rstrip('.')}" if recipe.differs else "")


def mined_as(recipe: Recipe) -> str:
    """A hash of what decides which candidates a round has, but for the model: what a judge was shown on one holds for its like."""
    ranker = set() if recipe.rank is None else {"rank"}
    sections = recipe.model_dump(mode="json", include={"retrieve", "score", "sample"} | ranker)
    return fingerprint(json.dumps(sections, sort_keys=True, ensure_ascii=False))[:12]


def with_methods(recipe: Recipe, places: Places) -> Recipe:
    """The recipe with every line replaced by `{"method", "parameters"}`, all of them checked."""
    sample, train = recipe.sample, recipe.train
    filled = recipe.model_copy(
        update={
            "retrieve": [places.checked("retrieve", line, "retrieve", row) for row, line in enumerate(recipe.retrieve)],
            "score": [places.checked("score", line, "score", row) for row, line in enumerate(recipe.score)],
            "sample": sample.model_copy(
                update={
                    "keep": [places.checked("sample.keep", line, "sample", "keep", row) for row, line in enumerate(sample.keep)],
                    "choose": places.checked("sample.choose", sample.choose, "sample", "choose"),
                }
            ),
            "relabel": recipe.relabel if recipe.relabel == "none" else with_senders(recipe.relabel, places),
            "train": train.model_copy(
                update={
                    "losses": [places.checked("train.losses", line, "train", "losses", row) for row, line in enumerate(train.losses)],
                    "batch": places.checked("train.batch", train.batch, "train", "batch"),
                }
            ),
        }
    )
    places.refuse()
    if filled.retrieve and "labelled" not in [line["method"] for line in filled.sample.keep]:
        places.wrong(("sample", "keep"), "sample.keep lacks `labelled`: known positives would become negatives. Put it first.")
    if "n" not in filled.sample.choose["parameters"]:
        name = filled.sample.choose["method"]
        places.wrong(("sample", "choose"), f"sample.choose: {name} has no parameter `n`, how many negatives a query gets: give it one.")
    for refuse in (refuse_removed, refuse_named_twice, refuse_rules, refuse_shares):
        places.noting(refuse, filled)
    if filled.rank and not filled.retrieve:
        places.wrong(("rank",), "`rank` learns from candidates, and the recipe retrieves none: give it a section `retrieve`.")
    for name, window in (("sample", sample.window), ("rank", filled.rank.window if filled.rank else None)):
        if window and window.last and window.last < window.first:
            places.wrong((name, "window"), f"{name}.window ends at rank {window.last} before it begins at {window.first}.")
    note_ungraded(filled, places)
    places.refuse()
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
    """Raises Refused where a rule of `sample` has nothing to work on."""
    sample = recipe.sample
    for place, line in [*(("sample.keep", line) for line in sample.keep), ("sample.choose", sample.choose)]:
        method = methods.find(place, line["method"])
        if "trained" in method.reads and not recipe.retrieve:
            raise Refused(f"{where}: {place}: {method.name} works where negatives are mined: the recipe has no `retrieve`.")


def refuse_shares(recipe: Recipe, where: str) -> None:
    """Raises Refused where a rule that chooses by sources names others than the recipe has."""
    line = recipe.sample.choose
    if recipe.retrieve and (fits := methods.find("sample.choose", line["method"]).beside("fits")):
        try:
            fits(line["parameters"], [source_name(source) for source in recipe.retrieve])
        except Refused as error:
            raise Refused(f"{where}: sample.choose: {error}") from None


def note_ungraded(recipe: Recipe, places: Places) -> None:
    """Notes a loss that learns from grades that no judge writes."""
    for row, line in enumerate(recipe.train.losses):
        if methods.find("train.losses", line["method"]).beside("LEARNS_FROM_GRADES", False) and (
            recipe.relabel == "none" or not recipe.relabel.grades
        ):
            places.wrong(
                ("train", "losses", row, line["method"]),
                f"train.losses: the loss {line['method']} learns from judges' grades: set `relabel.grades: true` and a cascade.",
            )


def with_senders(relabel: Relabel, places: Places) -> Relabel:
    """The section with every `send` checked; who the judges are is found in params.yaml, by `resolve`."""
    cascade = [
        line.model_copy(update={"send": places.checked("relabel.send", line.send, "relabel", "cascade", row, "send")})
        for row, line in enumerate(relabel.cascade)
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
