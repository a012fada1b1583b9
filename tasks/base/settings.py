"""The settings of `base`."""

from __future__ import annotations

from hone.config.stage_settings import PinnedModel, StageSettings


class BaseModelSettings(StageSettings):
    """Which model r0 is.

    Attributes:
        model: params.yaml's, pinned.
    """

    place = "base"

    model: PinnedModel
