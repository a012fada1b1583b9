"""The section `relabel` of a recipe."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hone.config.sections.common import Line, Section

Action = Literal["keep", "drop", "drop-query", "weight", "mask", "promote"]


class Judged(Section):
    """One step of a cascade: the judge, and the rule that escalates pairs to the next judge.

    Attributes:
        judge: a name in `judges` of params.yaml, or a judge with its parameters. In a list, the
            first one that works here.
        escalate: the escalation rule, which selects pairs for the next judge. [Hone default]
        optional: continue without it if it cannot work here. [Hone default]
    """

    renamed: ClassVar[dict[str, str]] = {"send": "escalate"}

    judge: Line
    escalate: Line = "found"
    optional: bool = False


class Band(Section):
    """The action for pairs from a probability on.

    Attributes:
        start: the lowest probability of the band.
        action: the action for pairs of the band.
    """

    renamed: ClassVar[dict[str, str]] = {"then": "action"}

    start: Annotated[float, Field(ge=0, le=1)] = Field(alias="from")
    action: Action


class Budget(Section):
    """The maximum cost of judging in one round: hard limits. Null: no limit. A section without
    `budget` has the default.

    Attributes:
        money: in the currency of the judge's `price`. [Hone default]
        tokens: prompt and completion tokens. [Hone default]
        pairs: judged pairs. [Hone default]
        minutes: duration of the whole stage. [Hone default]
    """

    money: Annotated[float, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    pairs: Annotated[int, Field(ge=0)] | None = None
    minutes: Annotated[float, Field(ge=0)] | None = None


class Relabel(Section):
    """Which judges read the negatives, and what happens to the detected false negatives.

    Attributes:
        cascade: judges, cheapest first.
        action: the action for a false negative: `keep` it, `drop` it, drop the whole query
            (`drop-query`), lower its weight (`weight`), ignore it in the loss (`mask`), or make it
            a positive (`promote`). A list defines actions by bands of its probability. [Hone
            default]
        unconfirmed: the action for a false negative that an earlier judge found and the last judge
            did not read (it was not escalated, or the last judge was skipped). Null: the same
            action. [Hone default]
        final: which verdict is used: the `last` judge's, or only verdicts on which `all` judges
            agree. [Hone default]
        depth: number of judged negatives of each query. Null: all. [Hone default]
        control: fraction of the pairs that are not escalated but read by the next judge all the
            same, to estimate the missed ones. [Hone default]
        most_hits: queries with more detected false negatives are excluded. Null: no limit. 7 in
            RLHN's paper, 8 in its code. [Hone default]
        precision: the lower confidence bound of the last judge's precision that `promote` requires.
            [Hone default]
        force: promote without this check. [Hone default]
        refresh: promotions by the same judges in earlier rounds become candidates again, so this
            round's positives replace them. Otherwise promotions of all rounds accumulate. [Hone
            default]
        grades: write the judges' grades into the labels, for a loss that learns from them. [Hone
            default]
        budget: the maximum cost of judging. `default`: 5.00 in the currency of `price` if a judge
            has a price, and 2,000,000 tokens if an endpoint has none. Null: no limit. [Hone
            default]
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
    budget: Budget | Literal["default"] | None = "default"
