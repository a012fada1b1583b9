"""The section `sample` of a recipe."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hone.config.sections.common import Line, Section

GUARDS = ("labelled", "same-text", "near-duplicate", "same-parent")


class Window(Section):
    """The ranks from which negatives are chosen.

    Attributes:
        first: the first rank. [Hone default]
        last: the last rank. Null: to the end. [Hone default]
        counted: whether ranks are counted `before` or `after` the filters. Libraries differ. [Hone
            default]
    """

    first: Annotated[int, Field(ge=1)] = 1
    last: Annotated[int, Field(ge=1)] | None = None
    counted: Literal["before", "after"] = "after"


class Sample(Section):
    """How negatives are selected from candidates.

    Attributes:
        filters: rules that remove candidates, in order. The default ensures that no labelled
            positive becomes a negative. [Hone default]
        window: the ranks of the remaining candidates that are available. [Hone default]
        choose: the sampler, which chooses the negatives. [Hone default]
        on_shortage: the action if a query gets fewer than `n` negatives: `widen` uses the next
            ranks after the window (never before it), `random` draws documents from the collection,
            `fewer` accepts it, `drop-query` removes the query from the round. [Hone default]
    """

    renamed: ClassVar[dict[str, str]] = {"keep": "filters"}

    filters: list[Line] = list(GUARDS)
    window: Window = Window()
    choose: Line = "top"
    on_shortage: Literal["widen", "random", "fewer", "drop-query"] = "widen"
