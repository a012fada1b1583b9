"""The sections of a recipe: every setting with its type, range and default. A method's own are beside the method."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

GUARDS = ("labelled", "same-text", "near-duplicate", "same-parent")

Line = Any  # a method's name, or {name: {parameter: value}}
Then = Literal["keep", "drop", "drop-query", "weight", "mask", "promote"]


class Section(BaseModel):
    """One section of a recipe."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


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
        on_shortage: what happens where a query gets fewer than the rule's `n`: `widen` takes the next ranks after the window's end
            (none before its beginning), `random` draws documents from the collection, `fewer` leaves it, `drop-query` takes the query
            out of the round. Ours.
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
        unconfirmed: what becomes of a false negative that an earlier judge of the cascade found and the last one did not read (its rule did
            not pass it on, or the last judge was left out); null: what becomes of any other.
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
    unconfirmed: Literal["keep", "drop", "drop-query", "weight", "mask"] | None = None
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
        random: documents drawn from the whole collection for each known positive beside, as negatives: easy ones, from which a model
            that never saw a query and a document together learns what it is to match.
        window: the ranks of each source's list that are drawn from.
        draw: `union` draws among all candidates of a query alike; `even` has the sources give in turn.
        balance: draw first those that are a known answer of another training query. Else most documents stand on one side alone, and
            a document tells its label without the query.
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
