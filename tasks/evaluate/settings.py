"""The settings of `evaluate` and `evaluate-reference`."""

from __future__ import annotations

from typing import Any

from hone.config.stage_settings import Reading, StageSettings
from hone.data.own_id import OwnId


class EvaluateSettings(StageSettings):
    """How rounds are evaluated on a collection.

    Attributes:
        model: how texts are read.
        min_relevance: the grade from which a document is a positive.
        task: of MTEB: name, subset, split, instruction; null: the collection is not one of MTEB's.
        ability: that the collection is a diagnostic set for; null: none.
        own_id: what happens to the document with a query's own id.
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
        name: of the reference.
        language: of the collection, for BM25.
        reference: its `kind` (r0, bm25, model, endpoint) and what that kind needs.
    """

    place = "reference/{reference}/{collection}"

    name: str
    language: str
    reference: dict[str, Any]
