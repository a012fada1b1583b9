"""The settings of `rank`."""

from __future__ import annotations

from typing import Literal

from hone.config.sections.rank import Rank
from hone.config.stage_settings import MethodLine, PinnedModel, Reading, RoundSettings


class RankSettings(RoundSettings):
    """How a round's in-loop cross-encoder is trained. A recipe without `rank` passes on the one of
    the previous round.

    Attributes:
        rank: the recipe's section.
        refreshed: judges whose positives of earlier rounds this round replaces.
        model: how the encoder reads texts.
        base: the initial model of the first cross-encoder. Null: the base encoder.
        recipe: its name.
        guards: filters that keep positives, their copies and their chunks out of the negatives.
    """

    place = "rounds/{round}/rank"

    rank: Literal["none"] | Rank
    refreshed: list[str]
    model: Reading | None = None
    base: PinnedModel | None = None
    recipe: str | None = None
    guards: list[MethodLine] = []
