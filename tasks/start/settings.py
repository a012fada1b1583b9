"""The settings of `start`."""

from __future__ import annotations

from hone.config.stage_settings import StageSettings
from hone.data.own_id import OwnId


class StartSettings(StageSettings):
    """What the loop trains on.

    Attributes:
        train_on: collections, in order.
        shares: the fraction of each batch that a collection gets, by collection; empty: as many as there are queries.
        min_relevance: the grade from which a document is a positive, by collection.
        language: by collection.
        own_id: what happens to the document with a query's own id, by collection.
    """

    place = "start"

    train_on: list[str]
    shares: dict[str, float]
    min_relevance: dict[str, int]
    language: dict[str, str]
    own_id: dict[str, OwnId]
