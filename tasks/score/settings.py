"""The settings of `score`."""

from __future__ import annotations

from typing import Literal

from hone.config.stage_settings import EncodingSettings, MethodLine, PinnedModel


class ScoreSettings(EncodingSettings):
    """The scorers of a round's candidates and positives.

    Attributes:
        score: the recipe's section.
        unlabelled: whether queries without a positive are scored.
        refreshed: judges whose positives of earlier rounds this round replaces.
        scorers: by their name in the table.
        cross_encoders: the cross-encoders of scorers, by name.
    """

    place = "rounds/{round}/score"

    score: Literal["none"] | list[MethodLine]
    unlabelled: bool
    refreshed: list[str]
    scorers: dict[str, MethodLine]
    cross_encoders: dict[str, PinnedModel]
