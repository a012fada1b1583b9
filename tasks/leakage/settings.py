"""The settings of `leakage` and of its gate."""

from __future__ import annotations

from hone.config.stage_settings import StageSettings


class LeakageSettings(StageSettings):
    """What is compared with the training data.

    Attributes:
        min_relevance: the grade from which a document is a positive.
        seed: of the texts that are drawn from a large collection.
        unlabelled: whether a round trains on queries without a positive.
    """

    place = "leakage/{collection}"

    collection: str
    min_relevance: int
    seed: int
    unlabelled: bool


class GateSettings(StageSettings):
    """The limit on leakage.

    Attributes:
        refuse_above: the maximum fraction of evaluation queries that training may see; null: any.
        evaluate_on: collections.
    """

    place = "admit"

    refuse_above: float | None
    evaluate_on: list[str]
