"""The sections of a recipe: every setting with its type, range and default. A method's own are beside the method."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

GUARDS = ("labelled", "same-text", "near-duplicate", "same-parent")

Line = Any  # a method's name, or {name: {parameter: value}}
Source = Literal["paper", "authors' code", "survey", "Hone default", "unverified"]
Action = Literal["keep", "drop", "drop-query", "weight", "mask", "promote"]


class Section(BaseModel):
    """One section of a recipe. `renamed` holds the old names of its settings: they are refused with the new name."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    renamed: ClassVar[dict[str, str]] = {}


class Ranks(Section):
    """A window of ranks.

    Attributes:
        first: the first rank. [Hone default]
        last: the last rank; null: to the end. [Hone default]
    """

    first: Annotated[int, Field(ge=1)] = 1
    last: Annotated[int, Field(ge=1)] | None = None


class Window(Section):
    """Ranks that negatives are taken from.

    Attributes:
        first: the first rank. [Hone default]
        last: the last rank; null: to the end. [Hone default]
        counted: `before` the filters or `after` them; libraries differ. After is ours. [Hone default]
    """

    first: Annotated[int, Field(ge=1)] = 1
    last: Annotated[int, Field(ge=1)] | None = None
    counted: Literal["before", "after"] = "after"


class Sample(Section):
    """How negatives come from candidates.

    Attributes:
        filters: rules that remove candidates, in their order. The default has those that let no known answer become a negative. [Hone
            default]
        window: of what is left, the ranks that are chosen from. [Hone default]
        choose: the rule that chooses negatives of these. [Hone default]
        on_shortage: what happens where a query gets fewer than the rule's `n`: `widen` takes the next ranks after the window's end (none
            before its beginning), `random` draws documents from the collection, `fewer` leaves it, `drop-query` takes the query out of the
            round. [Hone default]
    """

    renamed: ClassVar[dict[str, str]] = {"keep": "filters"}

    filters: list[Line] = list(GUARDS)
    window: Window = Window()
    choose: Line = "top"
    on_shortage: Literal["widen", "random", "fewer", "drop-query"] = "widen"


class Judged(Section):
    """One line of a cascade: who judges, and by which rule pairs go on to the next judge.

    Attributes:
        judge: a name of params.yaml's `judges`, or a judge with its parameters; of a list the first that is there and can work.
        escalate: the rule that decides which pairs go to the next judge. [Hone default]
        optional: go on without it where it cannot work. [Hone default]
    """

    renamed: ClassVar[dict[str, str]] = {"send": "escalate"}

    judge: Line
    escalate: Line = "found"
    optional: bool = False


class Band(Section):
    """What becomes of pairs from a probability on."""

    renamed: ClassVar[dict[str, str]] = {"then": "action"}

    start: Annotated[float, Field(ge=0, le=1)] = Field(alias="from")
    action: Action


class Budget(Section):
    """What judging may cost in one round: a hard stop; null: no limit.

    Attributes:
        money: in the currency of the judge's `price`. [Hone default]
        tokens: read and written. [Hone default]
        pairs: that a judge is asked about. [Hone default]
        minutes: of the whole stage. [Hone default]
    """

    money: Annotated[float, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    pairs: Annotated[int, Field(ge=0)] | None = None
    minutes: Annotated[float, Field(ge=0)] | None = None


class Relabel(Section):
    """Who reads the negatives, and what becomes of the false ones.

    Attributes:
        cascade: judges, cheapest first.
        action: what becomes of a false negative: it stays (`keep`), leaves (`drop`), takes its query along (`drop-query`), weighs less
            (`weight`), is not compared (`mask`), or becomes a positive (`promote`); or a list of bands of its probability. [Hone default]
        unconfirmed: what becomes of a false negative that an earlier judge of the cascade found and the last one did not read (its rule did
            not pass it on, or the last judge was left out); null: what becomes of any other. [Hone default]
        final: whose word counts: the `last` judge's, or only what `all` agree on. [Hone default]
        depth: negatives of each query that are judged; null: all. [Hone default]
        control: of the pairs that a judge does not send on, the share that the next one reads all the same, to see what is missed. [Hone
            default]
        most_hits: queries with more hits are set aside; null: none. 7 in RLHN's paper, 8 in its code. [Hone default]
        precision: the lower bound of the last judge's precision that `promote` needs. [Hone default]
        force: promote without it. [Hone default]
        refresh: what the same judges promoted in earlier rounds is a candidate again, so that this round's positives replace theirs;
            else promotions of all rounds add up. [Hone default]
        grades: write the judges' grades into the labels, for a loss that learns from them. [Hone default]
        budget: what judging may cost. [Hone default]
    """

    renamed: ClassVar[dict[str, str]] = {"then": "action"}

    cascade: Annotated[list[Judged], Field(min_length=1)]
    action: Action | Annotated[list[Band], Field(min_length=1)] = "drop"
    unconfirmed: Literal["keep", "drop", "drop-query", "weight", "mask"] | None = None
    final: Literal["last", "all"] = "last"
    depth: Annotated[int, Field(ge=1)] | None = None
    control: Annotated[float, Field(ge=0, le=1)] = 0.0
    most_hits: Annotated[int, Field(ge=1)] | None = None
    precision: Annotated[float, Field(gt=0, lt=1)] = 0.8
    force: bool = False
    refresh: bool = False
    grades: bool = False
    budget: Budget = Budget()


class Rank(Section):
    """How the loop's own cross-encoder comes from labels and candidates. The defaults are ours.

    Attributes:
        base: what the first ranker starts from: an encoder, a cross-encoder or another model of transformers (a folder below inputs/, a Hub
            id); null: the base encoder. A head that it lacks is new. [Hone default]
        revision: of a Hub id. [Hone default]
        init: `previous` starts from the last round's ranker, where there is one; `base` never. [Hone default]
        negatives: drawn for each known positive among candidates that nobody knows to be right. [Hone default]
        random: documents drawn from the whole collection for each known positive beside, as negatives: easy ones, from which a model that
            never saw a query and a document together learns what it is to match. [Hone default]
        window: the ranks of each source's list that are drawn from. [Hone default]
        draw: `union` draws among all candidates of a query alike; `even` has the sources give in turn. [Hone default]
        balance: draw first those that are a known answer of another training query. Else most documents stand on one side alone, and a
            document tells its label without the query. [Hone default]
        epochs: how often each pair is seen. [Hone default]
        steps: of the whole training, in place of epochs; null: as `epochs` says. [Hone default]
        batch: pairs of a step. [Hone default]
        learning_rate: at its highest. [Hone default]
        warmup: the share of steps in which the rate rises from 0. [Hone default]
        schedule: how the rate falls afterwards. [Hone default]
        dropout: null: the model's own. [Hone default]
        weight_decay: AdamW's. [Hone default]
        max_length: tokens of a query and a document together; null: what the encoder reads of a document, and 32. [Hone default]
        precision: `auto`: as texts are encoded (params.yaml's `model.precision`). [Hone default]
        checkpoint_steps: a killed training goes on from the last multiple of these. [Hone default]
        rerank: documents of each dev query that it is tried on. [Hone default]
    """

    base: str | None = None
    revision: str | None = None
    init: Literal["base", "previous"] = "previous"
    negatives: Annotated[int, Field(ge=1)] = 2
    random: Annotated[int, Field(ge=0)] = 2
    window: Ranks = Ranks()
    draw: Literal["union", "even"] = "union"
    balance: bool = True
    epochs: Annotated[float, Field(gt=0)] = 3
    steps: Annotated[int, Field(ge=1)] | None = None
    batch: Annotated[int, Field(ge=2)] = 32
    learning_rate: Annotated[float, Field(ge=0)] = 2e-4
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
        init: the weights that training starts from: of the `previous` round, or the `base` model. [Hone default]
        losses: their sum is what training makes small. [Hone default]
        batch: which queries train together. [Hone default]
        negatives: of each query, how many train with it at each step; 0: the other answers of the batch alone. [Hone default]
        draw: which of its negatives these are: the `first` by rank in every epoch, or with `epoch` others in each, of all that were kept:
            each query's are shuffled once and then taken in turn, as RLHN's authors train. [Hone default]
        queries: those with a known answer (`labelled`), or `all`: also those without, for losses that need none (`distil`). Then a known
            answer teaches only where it was retrieved, like any other document. [Hone default]
        positives: `one` known answer of each query in an epoch, drawn anew, or `all`. [Hone default]
        epochs: how often each query is seen. [Hone default]
        steps: of the whole training, in place of epochs; null: as `epochs` says. [Hone default]
        max_length: tokens after which a text is cut in training alone; null: params.yaml's `model.max_length`, as in encoding. [Hone
            default]
        learning_rate: 2e-5 is usual for encoders of this size; params.yaml's `train` sets another for recipes that leave it open. [Hone
            default]
        warmup: the share of steps in which the rate rises from 0. [Hone default]
        schedule: how the rate falls afterwards. [Hone default]
        dropout: 0 makes vectors in training what they are in retrieval; null: the model's own. [Hone default]
        weight_decay: AdamW's; .01 as in transformers' examples. [Hone default]
        precision: `auto`: as texts are encoded (params.yaml's `model.precision`). [Hone default]
        checkpoint_steps: a killed training goes on from the last multiple of these. [Hone default]
        dev_scores: write scores on dev queries into the model's card; for them the model reads the whole collections that it was trained
            on. [Hone default]
        dev_checks: how many times training measures nDCG@10 on 40 dev queries and a small pool of documents, evenly spaced, the last time
            at the end; 0, or `dev_scores: false`: never. If an earlier check is significantly better than the last, the output, the model
            card and the report contain a warning. The last step's weights are saved all the same. [Hone default]
    """

    init: Literal["base", "previous"] = "previous"
    losses: Annotated[list[Line], Field(min_length=1)] = ["infonce"]
    batch: Line = "random"
    negatives: Annotated[int, Field(ge=0)] = 1
    draw: Literal["first", "epoch"] = "first"
    queries: Literal["labelled", "all"] = "labelled"
    positives: Literal["one", "all"] = "one"
    epochs: Annotated[float, Field(gt=0)] = 1
    steps: Annotated[int, Field(ge=1)] | None = None
    max_length: Annotated[int, Field(ge=8)] | None = None
    learning_rate: Annotated[float, Field(ge=0)] = 2e-5
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = "linear"
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    checkpoint_steps: Annotated[int, Field(ge=1)] = 100
    dev_scores: bool = True
    dev_checks: Annotated[int, Field(ge=0)] = 4


class Recipe(Section):
    """What one round does; a section that is missing means `none`: the stage passes data on.

    Attributes:
        about: one line of what it does.
        paper: where it is published, with its arXiv number or year; null: nowhere.
        fidelity: what it is to its paper: `faithful`, `adapted` (it does something otherwise) or `partial` (something is missing).
        differs: what it does otherwise and why, or what is missing.
        constants: where its constants come from, by their path, such as `sample.choose.top.n: paper`: `paper`, `authors' code`, `survey`,
            `Hone default` or `unverified`. A constant that is not named, and is not a default, is Hone's own.
    """

    about: str
    paper: str | None = None
    fidelity: Literal["faithful", "adapted", "partial"] | None = None
    differs: str | None = None
    constants: dict[str, Source] = {}
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
