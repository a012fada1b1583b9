"""The settings of `relabel`."""

from __future__ import annotations

from typing import Literal

from hone.config.stage_settings import EncodingSettings
from hone.judging.resolved_relabel import ResolvedRelabel


class RelabelSettings(EncodingSettings):
    """Settings of the stage for a round.

    Attributes:
        relabel: the recipe's section, its judges resolved.
        unlabelled: whether queries without a positive are judged.
        refreshed: judges whose positives of earlier rounds this round replaces.
        overrides: a hash of the labels that people have decided; null: none.
        mined_as: a hash of the sections that determine the candidates.
    """

    place = "rounds/{round}/relabel"

    relabel: Literal["none"] | ResolvedRelabel
    unlabelled: bool
    refreshed: list[str]
    overrides: str | None
    mined_as: str
