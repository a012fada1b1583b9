"""The settings of `drift`."""

from __future__ import annotations

from hone.config.stage_settings import Reading, RoundItem, StageSettings


class DriftSettings(StageSettings):
    """Which rounds are compared.

    Attributes:
        rounds: of params.yaml, in order.
        model: how texts are read.
        seed: seed for sampling negatives and texts.
    """

    place = "drift"

    rounds: dict[str, RoundItem]
    model: Reading
    seed: int
