"""The settings of `collect`."""

from __future__ import annotations

from typing import Any

from hone.config.params import Hide, Split
from hone.config.stage_settings import StageSettings
from hone.data.own_id import OwnId


class CollectSettings(StageSettings):
    """How one collection is collected. What is not described here is documented in docs/collections.md.

    Attributes:
        method: the kind of source, with its `parameters`.
        what: what follows the colon of `source`, such as the name of a BEIR dataset.
        path: what DVC watches.
        train: whether the loop trains on it.
        evaluate: whether the loop evaluates on it.
        seed: of the split, the training queries and the held-out positives.
    """

    place = "collect/{collection}"

    collection: str
    method: str
    parameters: dict[str, Any]
    what: str | None
    path: str
    train: bool
    evaluate: bool
    seed: int
    own_id: OwnId
    hide: Hide | None
    train_queries: int | None
    min_relevance: int
    absent_labels: str
    repeated_queries: str
    empty_documents: str
    split: Split
    language: str
