"""The settings of `retrieve`."""

from __future__ import annotations

from typing import Literal

from hone.config.stage_settings import EncodingSettings, MethodLine


class RetrieveSettings(EncodingSettings):
    """The sources of a round's candidates.

    Attributes:
        retrieve: sources.
        unlabelled: whether queries without a positive are mined for.
        refreshed: judges whose positives of earlier rounds this round replaces.
        files: the user's files that sources read, with their hashes.
    """

    place = "rounds/{round}/retrieve"

    retrieve: Literal["none"] | list[MethodLine]
    unlabelled: bool
    refreshed: list[str]
    files: dict[str, str]
