"""The section `relabel` of a recipe."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hone.config.sections.common import Line, Section

Action = Literal["keep", "drop", "drop-query", "weight", "mask", "promote"]


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
