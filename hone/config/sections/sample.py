"""The section `sample` of a recipe."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hone.config.sections.common import Line, Section

GUARDS = ("labelled", "same-text", "near-duplicate", "same-parent")


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
