"""The settings of `base`."""

from __future__ import annotations

from hone.config.stage_settings import PinnedModel, StageSettings


class BaseModelSettings(StageSettings):
    """The model for r0.

    Attributes:
        model: the pinned model of params.yaml.
    """

    place = "base"

    model: PinnedModel
