"""cross-encoder: scores pairs with a model that reads query and document together, the in-loop one
or any other.

The in-loop cross-encoder is trained by the stage `rank`. (RocketQA, arXiv 2010.08191, denoises with
one, and R2anker, arXiv 2206.08063, distils from one.)
"""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from hone.data.training_set import TrainingCollection
from hone.encoders.round_cross_encoders import CrossModels
from hone.encoders.search import rows_of

# `model` is a cross-encoder, not an encoder. Null: the one that the stage `rank` trained.
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
    """The sigmoid of a cross-encoder's output for pairs of the collection.

    Args:
        pairs: query_id, doc_id. Pairs of other collections are skipped.
        collection: the source of the texts.
        cross_models: the available cross-encoders.
        model: a folder below inputs/, or a Hub id. Null: the in-loop cross-encoder of this round or
            the last earlier one. [Hone default]
        revision: for a Hub id: its commit. [Hone default]
        max_length: tokens of query and document together. Null: the model's maximum. [Hone default]
        precision: precision of all layers but the last, which is fp32 like the sigmoid. auto: the
            round's. `python -m benchmarks cross_scoring` prints the effect on scores. Use fp32 for
            thresholds that must not depend on it. [Hone default]

    Returns:
        query_id, doc_id, score: from 0 to 1, whatever the model's own activation. It is not a
            calibrated probability: it depends on the
        number of negatives for each positive in training.

    Raises:
        Refused: the model does not exist, returns more than one score for a pair, or returns NaN.
    """
    queries = (
        collection.queries()
        .join(pairs, on="query_id", how="semi", maintain_order="left")
        .select("query_id", "text")
    )
    here = pairs.join(queries, on="query_id", how="semi", maintain_order="left").select(
        "query_id", "doc_id"
    )
    documents = collection.documents.texts(here["doc_id"].unique())
    scorer = cross_models.scorer(model, max_length, precision)
    rows = rows_of(here, queries["query_id"], documents["doc_id"])
    scores = scorer.probabilities(queries["text"].to_list(), documents["full_text"].to_list(), rows)
    return here.with_columns(score=pl.Series(scores, dtype=pl.Float32))
