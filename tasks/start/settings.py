"""The settings of `start`."""

from __future__ import annotations

from hone.config.stage_settings import StageSettings
from hone.data.own_id import OwnId


class StartSettings(StageSettings):
    """The training collections.

    Attributes:
        train_on: collections, in order.
        shares: the fraction of each batch for a collection. Empty: proportional to its queries.
        min_relevance: the lowest relevance grade of a positive, by collection.
        language: by collection.
        own_id: handling of the document with a query's own id, by collection.
    """

    place = "start"

    train_on: list[str]
    shares: dict[str, float]
    min_relevance: dict[str, int]
    language: dict[str, str]
    own_id: dict[str, OwnId]
