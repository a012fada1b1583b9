"""The settings of `train`."""

from __future__ import annotations

from hone.config.sections.train import Train
from hone.config.stage_settings import Reading, RoundSettings


class TrainSettings(RoundSettings):
    """How a round's model is trained.

    Attributes:
        train: the recipe's section. Every line has all parameters, and `precision` is not `auto`.
        unlabelled: whether queries without a positive are trained on.
        model: how texts are read.
        recipe: its name.
        paper: its publication. Null: none.
    """

    place = "rounds/{round}/train"

    train: Train
    unlabelled: bool
    model: Reading
    recipe: str
    paper: str | None
