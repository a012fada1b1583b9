"""The settings of `train`."""

from __future__ import annotations

from hone.config.sections.train import Train
from hone.config.stage_settings import Reading, RoundSettings


class TrainSettings(RoundSettings):
    """How a round's model is trained.

    Attributes:
        train: the recipe's section; every line has its parameters filled in, and `precision` is not `auto`.
        unlabelled: whether queries without a positive train.
        model: how texts are read.
        recipe: its name.
        paper: where it is published; null: nowhere.
    """

    place = "rounds/{round}/train"

    train: Train
    unlabelled: bool
    model: Reading
    recipe: str
    paper: str | None
