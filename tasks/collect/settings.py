"""The settings of `collect`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from hone.config.params import Hide, Split
from hone.config.stage_settings import StageSettings
from hone.data.own_id import OwnId


class CollectionChecks(BaseModel):
    """How errors in a collection's files are handled: refused, excluded or accepted.
    docs/how-to/collections.md documents each setting.

    Attributes:
        train: whether the loop trains on it.
        generated: whether queries are generated for it, so that it may have none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: bool
    own_id: OwnId
    min_relevance: int
    absent_labels: str
    repeated_queries: str
    empty_documents: str
    split: Split
    generated: bool = False


class CollectSettings(CollectionChecks, StageSettings):
    """How one collection is collected.

    Attributes:
        method: the kind of source, with its `parameters`.
        what: the text after the colon of `source`, such as the name of a BEIR dataset.
        path: the path that DVC tracks.
        evaluate: whether the loop evaluates on it.
        seed: seed of the split, the training queries and the held-out positives.
        hide: which positives are held out.
        train_queries: the maximum number of training queries. Null: all.
        model: the model whose tokenizer the source uses: name, revision, fingerprint, max_length,
            prompt of documents. Null: none.
    """

    place = "collect/{collection}"

    collection: str
    method: str
    parameters: dict[str, Any]
    what: str | None
    path: str
    evaluate: bool
    seed: int
    hide: Hide | None
    train_queries: int | None
    language: str
    model: dict[str, Any] | None = None
