"""The section `rank` of a recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hone.config.sections.common import Section


class Ranks(Section):
    """A window of ranks.

    Attributes:
        first: the first rank. [Hone default]
        last: the last rank; null: to the end. [Hone default]
    """

    first: Annotated[int, Field(ge=1)] = 1
    last: Annotated[int, Field(ge=1)] | None = None


class Rank(Section):
    """How the loop's own cross-encoder comes from labels and candidates. The defaults are ours.

    Attributes:
        base: what the first ranker starts from: an encoder, a cross-encoder or another model of transformers (a folder below inputs/, a Hub
            id); null: the base encoder. A head that it lacks is new. [Hone default]
        revision: of a Hub id. [Hone default]
        init: `previous` starts from the last round's ranker, where there is one; `base` never. [Hone default]
        negatives: drawn for each known positive among candidates that nobody knows to be right. [Hone default]
        random: documents drawn from the whole collection for each known positive beside, as negatives: easy ones, from which a model that
            never saw a query and a document together learns what it is to match. [Hone default]
        window: the ranks of each source's list that are drawn from. [Hone default]
        draw: `union` draws among all candidates of a query alike; `even` has the sources give in turn. [Hone default]
        balance: draw first those that are a known answer of another training query. Else most documents stand on one side alone, and a
            document tells its label without the query. [Hone default]
        epochs: how often each pair is seen. [Hone default]
        steps: of the whole training, in place of epochs; null: as `epochs` says. [Hone default]
        batch: pairs of a step. [Hone default]
        learning_rate: at its highest. [Hone default]
        warmup: the share of steps in which the rate rises from 0. [Hone default]
        schedule: how the rate falls afterwards. [Hone default]
        dropout: null: the model's own. [Hone default]
        weight_decay: AdamW's. [Hone default]
        max_length: tokens of a query and a document together; null: what the encoder reads of a document, and 32. [Hone default]
        precision: `auto`: as texts are encoded (params.yaml's `model.precision`). [Hone default]
        checkpoint_steps: a killed training goes on from the last multiple of these. [Hone default]
        rerank: documents of each dev query that it is tried on. [Hone default]
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
