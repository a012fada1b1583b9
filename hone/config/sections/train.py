"""The section `train` of a recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hone.config.sections.common import Line, Section


class Train(Section):
    """How a model comes from labels.

    Attributes:
        init: the weights that training starts from: of the `previous` round, or the `base` model. [Hone default]
        losses: their sum is what training makes small. [Hone default]
        batch: which queries train together. [Hone default]
        negatives: of each query, how many train with it at each step; 0: the other answers of the batch alone. [Hone default]
        draw: which of its negatives these are: the `first` by rank in every epoch, or with `epoch` others in each, of all that were kept:
            each query's are shuffled once and then taken in turn, as RLHN's authors train. [Hone default]
        queries: those with a known answer (`labelled`), or `all`: also those without, for losses that need none (`distil`). Then a known
            answer teaches only where it was retrieved, like any other document. [Hone default]
        positives: `one` known answer of each query in an epoch, drawn anew, or `all`. [Hone default]
        epochs: how often each query is seen. [Hone default]
        steps: of the whole training, in place of epochs; null: as `epochs` says. [Hone default]
        max_length: tokens after which a text is cut in training alone; null: params.yaml's `model.max_length`, as in encoding. [Hone
            default]
        learning_rate: 2e-5 is usual for encoders of this size; params.yaml's `train` sets another for recipes that leave it open. [Hone
            default]
        warmup: the share of steps in which the rate rises from 0. [Hone default]
        schedule: how the rate falls afterwards. [Hone default]
        dropout: 0 makes vectors in training what they are in retrieval; null: the model's own. [Hone default]
        weight_decay: AdamW's; .01 as in transformers' examples. [Hone default]
        precision: `auto`: as texts are encoded (params.yaml's `model.precision`). [Hone default]
        checkpoint_steps: a killed training goes on from the last multiple of these. [Hone default]
        dev_scores: write scores on dev queries into the model's card; for them the model reads the whole collections that it was trained
            on. [Hone default]
        dev_checks: how many times training measures nDCG@10 on 40 dev queries and a small pool of documents, evenly spaced, the last time
            at the end; 0, or `dev_scores: false`: never. If an earlier check is significantly better than the last, the output, the model
            card and the report contain a warning. The last step's weights are saved all the same. [Hone default]
    """

    init: Literal["base", "previous"] = "previous"
    losses: Annotated[list[Line], Field(min_length=1)] = ["infonce"]
    batch: Line = "random"
    negatives: Annotated[int, Field(ge=0)] = 1
    draw: Literal["first", "epoch"] = "first"
    queries: Literal["labelled", "all"] = "labelled"
    positives: Literal["one", "all"] = "one"
    epochs: Annotated[float, Field(gt=0)] = 1
    steps: Annotated[int, Field(ge=1)] | None = None
    max_length: Annotated[int, Field(ge=8)] | None = None
    learning_rate: Annotated[float, Field(ge=0)] = 2e-5
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = "linear"
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    checkpoint_steps: Annotated[int, Field(ge=1)] = 100
    dev_scores: bool = True
    dev_checks: Annotated[int, Field(ge=0)] = 4
