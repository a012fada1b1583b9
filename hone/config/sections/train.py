"""The section `train` of a recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hone.config.sections.common import Line, Section


class Train(Section):
    """How a model is trained from labels.

    Attributes:
        init: initial weights: those of the `previous` round, or of the `base` model. [Hone default]
        losses: the losses. Training minimizes their sum. [Hone default]
        batch: how queries are grouped into batches. [Hone default]
        negatives: negatives of each query in a step. 0: only in-batch negatives. [Hone default]
        draw: which negatives are used: the `first` by rank in every epoch, or different ones in
            each `epoch`. For `epoch`, each query's negatives are shuffled once and used in turn, as
            in RLHN's code. [Hone default]
        queries: queries with a labelled positive (`labelled`); also those for which a judge of
            `relabel` found a positive (`judged`: pseudo-labels, as in RocketQA); or `all`,
            including those without a positive, for losses that need none (`distil`). With `all`, a
            labelled positive is only used if it was retrieved, like any other document. [Hone
            default]
        positives: `one` labelled positive of each query in an epoch, drawn anew, or `all`. [Hone
            default]
        epochs: number of passes over the queries. [Hone default]
        steps: total training steps, instead of epochs. Null: determined by `epochs`. [Hone default]
        max_length: tokens after which a text is truncated in training only. Null:
            `model.max_length` in params.yaml, as in encoding. [Hone default]
        learning_rate: the peak learning rate. 2e-5 is usual for encoders of this size. `train` in
            params.yaml sets the value for recipes that do not. [Hone default]
        warmup: fraction of steps in which the learning rate increases from 0. [Hone default]
        schedule: decay of the learning rate afterwards. [Hone default]
        dropout: dropout rate. With 0, vectors in training equal those in retrieval. Null: the
            model's own. [Hone default]
        weight_decay: weight decay of AdamW. 0.01 as in the examples of transformers. [Hone default]
        precision: `auto`: the precision of encoding (`model.precision` in params.yaml). [Hone
            default]
        checkpoint_steps: steps between checkpoints. An interrupted training resumes from the last
            one. [Hone default]
        dev_scores: write scores on dev queries into the model card. The model then reads all of its
            training collections. [Hone default]
        dev_checks: how often training measures nDCG@10 on 40 dev queries and a small pool of
            documents, at even intervals up to the end. 0, or `dev_scores: false`: never. If an
            earlier check is significantly better than the last, the log, the model card and the
            report contain a warning. The weights of the last step are saved all the same. [Hone
            default]
    """

    init: Literal["base", "previous"] = "previous"
    losses: Annotated[list[Line], Field(min_length=1)] = ["infonce"]
    batch: Line = "random"
    negatives: Annotated[int, Field(ge=0)] = 1
    draw: Literal["first", "epoch"] = "first"
    queries: Literal["labelled", "judged", "all"] = "labelled"
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

    @property
    def reads_unlabelled(self) -> bool:
        """Whether the round mines and judges queries without a labelled positive."""
        return self.queries != "labelled"
