"""cross-encoder: how well a model that reads query and document together finds that they fit; the loop's own or any other.

The loop's own is what the stage `rank` trained (RocketQA, arXiv 2010.08191, denoises by such a one; R2anker, arXiv 2206.08063,
teaches by it).
"""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from hone.data.training_set import TrainingCollection
from hone.encoders.round_cross_encoders import CrossModels
from hone.encoders.search import rows_of

# `model` names a cross-encoder and no encoder; null: the one that the stage `rank` trained.
CROSS_ENCODER = True


def cross_encoder(
    pairs: pl.DataFrame,
    collection: TrainingCollection,
    cross_models: CrossModels,
    *,
    model: str | None = None,
    revision: str | None = None,
    max_length: Annotated[int, Field(ge=8)] | None = None,
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto",
) -> pl.DataFrame:
    """The probability that a cross-encoder gives pairs of the collection: the sigmoid of its one output.

    Args:
        pairs: query_id, doc_id; those of other collections are left out.
        collection: where texts come from.
        cross_models: where cross-encoders come from.
        model: a folder below inputs/, or a Hub id; null: the loop's own, of this round or the last before it that trained one. [Hone
            default]
        revision: of a Hub id: its commit. [Hone default]
        max_length: tokens of query and document together; null: the model's own. [Hone default]
        precision: of all but the model's last layer, which is fp32 like the sigmoid; auto: the round's. `python -m benchmarks
            cross_scoring` prints how far a score then moves; a threshold that must not depend on that takes fp32. [Hone default]

    Returns:
        query_id, doc_id, score: from 0 to 1 whatever activation the model itself has. It is no measured probability: what it
        means depends on how many negatives a positive was trained with.

    Raises:
        Refused: there is no such model, it gives more than one score for a pair, or scores that are no numbers.
    """
    queries = collection.queries().join(pairs, on="query_id", how="semi", maintain_order="left").select("query_id", "text")
    here = pairs.join(queries, on="query_id", how="semi", maintain_order="left").select("query_id", "doc_id")
    documents = collection.documents.texts(here["doc_id"].unique())
    scorer = cross_models.scorer(model, max_length, precision)
    rows = rows_of(here, queries["query_id"], documents["doc_id"])
    scores = scorer.probabilities(queries["text"].to_list(), documents["full_text"].to_list(), rows)
    return here.with_columns(score=pl.Series(scores, dtype=pl.Float32))
