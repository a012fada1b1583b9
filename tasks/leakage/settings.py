"""The settings of `leakage` and of its gate."""

from __future__ import annotations

from hone.config.stage_settings import StageSettings


class LeakageSettings(StageSettings):
    """What is compared with the training data.

    Attributes:
        min_relevance: the lowest relevance grade of a positive.
        seed: seed for sampling large collections.
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
        refuse_above: the maximum fraction of evaluation queries in the training data. Null: no
            limit.
        evaluate_on: the collections for evaluation.
    """

    place = "admit"

    refuse_above: float | None
    evaluate_on: list[str]
