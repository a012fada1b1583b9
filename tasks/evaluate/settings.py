"""The settings of `evaluate` and `evaluate-reference`."""

from __future__ import annotations

from typing import Any

from hone.config.stage_settings import Reading, StageSettings
from hone.data.own_id import OwnId


class EvaluateSettings(StageSettings):
    """How rounds are evaluated on a collection.

    Attributes:
        model: how texts are read.
        min_relevance: the lowest relevance grade of a positive.
        task: the MTEB task: name, subset, split, instruction. Null: the collection is not an MTEB
            task.
        ability: the ability that a diagnostic set tests. Null: none.
        own_id: handling of the document with a query's own id.
    """

    place = "evaluate/{collection}"

    collection: str
    model: Reading
    min_relevance: int
    task: dict[str, Any] | None
    ability: str | None
    own_id: OwnId


class ReferenceSettings(EvaluateSettings):
    """How a reference is evaluated on a collection.

    Attributes:
        name: name of the reference.
        language: language of the collection, for BM25.
        reference: its `kind` (r0, bm25, model, endpoint) and the settings of that kind.
    """

    place = "reference/{reference}/{collection}"

    name: str
    language: str
    reference: dict[str, Any]
