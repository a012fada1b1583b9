"""The section `rank` of a recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hone.config.sections.common import Section


class Ranks(Section):
    """A window of ranks.

    Attributes:
        first: the first rank. [Hone default]
        last: the last rank. Null: to the end. [Hone default]
    """

    first: Annotated[int, Field(ge=1)] = 1
    last: Annotated[int, Field(ge=1)] | None = None


class Rank(Section):
    """How the in-loop cross-encoder is trained from labels and candidates. All defaults are Hone's.

    Attributes:
        base: the starting model of the first ranker: an encoder, a cross-encoder or another
            transformers model (a folder below inputs/, a Hub id). Null: the base encoder. A missing
            head is initialized at random. [Hone default]
        revision: for a Hub id. [Hone default]
        init: `previous` starts from the previous round's ranker, if it exists. `base` never does.
            [Hone default]
        negatives: number drawn for each labelled positive, among candidates that are not positives.
            [Hone default]
        random: number of additional random negatives for each labelled positive. These easy
            examples teach an untrained model what a match is. [Hone default]
        window: the ranks of each source's list from which negatives are drawn. [Hone default]
        draw: `union` draws uniformly among all candidates of a query. `even` draws from the sources
            in turn. [Hone default]
        balance: first draw documents that are positives of other training queries. Otherwise most
            documents have only one label, and the model can learn it without the query. [Hone
            default]
        epochs: number of passes over the pairs. [Hone default]
        steps: total training steps, instead of epochs. Null: determined by `epochs`. [Hone default]
        batch: pairs per step. [Hone default]
        learning_rate: the peak learning rate. [Hone default]
        warmup: fraction of steps in which the learning rate increases from 0. [Hone default]
        schedule: decay of the learning rate afterwards. [Hone default]
        dropout: dropout rate. Null: the model's own. [Hone default]
        weight_decay: weight decay of AdamW. [Hone default]
        max_length: maximum tokens of a query and a document together. Null: the encoder's length
            for documents plus 32. [Hone default]
        precision: `auto`: the precision of encoding (`model.precision` in params.yaml). [Hone
            default]
        checkpoint_steps: steps between checkpoints. An interrupted training resumes from the last
            one. [Hone default]
        rerank: number of documents of each dev query that are reranked for evaluation. [Hone
            default]
    """

    base: str | None = None
    revision: str | None = None
    init: Literal["base", "previous"] = "previous"
    negatives: Annotated[int, Field(ge=1)] = 2
    random: Annotated[int, Field(ge=0)] = 2
    window: Ranks = Ranks()
    draw: Literal["union", "even"] = "union"
    balance: bool = True
    epochs: Annotated[float, Field(gt=0)] = 3
    steps: Annotated[int, Field(ge=1)] | None = None
    batch: Annotated[int, Field(ge=2)] = 32
    learning_rate: Annotated[float, Field(ge=0)] = 2e-4
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = "linear"
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    max_length: Annotated[int, Field(ge=8)] | None = None
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    checkpoint_steps: Annotated[int, Field(ge=1)] = 100
    rerank: Annotated[int, Field(ge=1)] = 20
